package interop

import "encoding/base64"

func (c *remote) makeBucket(name string) error {
	_, err := c.run("makeBucket", arguments{"name": name})
	return err
}

func (c *remote) dropBucket(name string) error {
	_, err := c.run("dropBucket", arguments{"name": name})
	return err
}

func (c *remote) buckets() ([]string, error) {
	res, err := c.run("buckets", nil)
	return res.Keys, err
}

func (c *remote) removeAll(keys []string) ([]string, error) {
	res, err := c.run("removeAll", arguments{"keys": keys})
	return res.Keys, err
}

func (c *remote) setTags(key string, tags map[string]string) error {
	_, err := c.run("setTags", arguments{"key": key, "tags": tags})
	return err
}

func (c *remote) tags(key string) (map[string]string, error) {
	res, err := c.run("tags", arguments{"key": key})
	return res.Tags, err
}

func (c *remote) setACL(key, acl string) error {
	_, err := c.run("setACL", arguments{"key": key, "acl": acl})
	return err
}

func (c *remote) acl(key string) (string, error) {
	res, err := c.run("acl", arguments{"key": key})
	return res.ACL, err
}

func (c *remote) keepVersions() error {
	_, err := c.run("keepVersions", nil)
	return err
}

func (c *remote) versions(prefix string, page int) ([]version, error) {
	res, err := c.run("versions", arguments{"prefix": prefix, "page": page})
	return res.Versions, err
}

func (c *remote) getVersion(key, id string) ([]byte, error) {
	res, err := c.run("getVersion", arguments{"key": key, "id": id})
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(res.Data)
}
