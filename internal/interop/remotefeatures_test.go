package interop

func (c *remote) putNotified(key string, data []byte, n notice) (string, error) {
	res, err := c.run("putNotified", arguments{"key": key, "data": inBase64(data), "notice": n})
	return res.Answer, err
}

func (c *remote) completeNotified(key, id string, parts []part, n notice) (string, error) {
	res, err := c.run("completeNotified", arguments{"key": key, "id": id, "parts": parts, "notice": n})
	return res.Answer, err
}

func (c *remote) link(key, target string) error {
	_, err := c.run("link", arguments{"key": key, "target": target})
	return err
}

func (c *remote) target(key string) (string, error) {
	res, err := c.run("target", arguments{"key": key})
	return res.Target, err
}

func (c *remote) archive(key string, data []byte) error {
	_, err := c.run("archive", arguments{"key": key, "data": inBase64(data)})
	return err
}

func (c *remote) restore(key string) error {
	_, err := c.run("restore", arguments{"key": key})
	return err
}
