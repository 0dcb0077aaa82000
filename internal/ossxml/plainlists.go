package ossxml

import "encoding/xml"

func (d *ObjectListV2) reset() { *d = ObjectListV2{} }

func (d *ObjectListV2) readPlain(document []byte) bool {
	const root = "ListBucketResult"
	d.XMLName = xml.Name{Local: root}
	return readPlain(document, root, func(p *plainReader) {
		for name := p.child(root); name != nil; name = p.child(root) {
			switch string(name) {
			case "EncodingType":
				d.EncodingType = p.string(name)
			case "Name":
				d.Name = p.string(name)
			case "Prefix":
				d.Prefix = p.string(name)
			case "StartAfter":
				d.StartAfter = p.string(name)
			case "ContinuationToken":
				d.ContinuationToken = p.string(name)
			case "MaxKeys":
				d.MaxKeys = p.count(name)
			case "Delimiter":
				d.Delimiter = p.string(name)
			case "IsTruncated":
				d.IsTruncated = p.flag(name)
			case "NextContinuationToken":
				d.NextContinuationToken = p.string(name)
			case "Contents":
				d.Contents = append(d.Contents, p.object(name))
			case "CommonPrefixes":
				d.CommonPrefixes = append(d.CommonPrefixes, p.commonPrefix(name))
			case "KeyCount":
				d.KeyCount = p.count(name)
			default:
				p.skip(name, 0)
			}
		}
	})
}

func (p *plainReader) object(parent []byte) (o Object) {
	for name := p.child(string(parent)); name != nil; name = p.child(string(parent)) {
		switch string(name) {
		case "Key":
			o.Key = p.string(name)
		case "LastModified":
			o.LastModified = p.time(name)
		case "ETag":
			o.ETag = p.string(name)
		case "Type":
			o.Type = p.word(name)
		case "Size":
			o.Size = p.number(name)
		case "StorageClass":
			o.StorageClass = p.word(name)
		case "Owner":
			o.Owner = p.owner(name, o.Owner)
		case "RestoreInfo":
			o.RestoreInfo = p.string(name)
		default:
			p.skip(name, 0)
		}
	}
	return o
}

func (d *VersionList) reset() { *d = VersionList{} }

func (d *VersionList) readPlain(document []byte) bool {
	const root = "ListVersionsResult"
	d.XMLName = xml.Name{Local: root}
	return readPlain(document, root, func(p *plainReader) {
		for name := p.child(root); name != nil; name = p.child(root) {
			switch string(name) {
			case "EncodingType":
				d.EncodingType = p.string(name)
			case "Name":
				d.Name = p.string(name)
			case "Prefix":
				d.Prefix = p.string(name)
			case "KeyMarker":
				d.KeyMarker = p.string(name)
			case "VersionIdMarker":
				d.VersionIDMarker = p.string(name)
			case "MaxKeys":
				d.MaxKeys = p.count(name)
			case "Delimiter":
				d.Delimiter = p.string(name)
			case "IsTruncated":
				d.IsTruncated = p.flag(name)
			case "NextKeyMarker":
				d.NextKeyMarker = p.string(name)
			case "NextVersionIdMarker":
				d.NextVersionIDMarker = p.string(name)
			case "CommonPrefixes":
				d.CommonPrefixes = append(d.CommonPrefixes, p.commonPrefix(name))
			case "Version", "DeleteMarker":
				d.Versions = append(d.Versions, p.version(name))
			default:
				p.fail() // encoding/xml takes it for a version
			}
		}
	})
}

func (p *plainReader) version(parent []byte) Version {
	v := Version{XMLName: xml.Name{Local: "Version"}}
	if string(parent) == "DeleteMarker" {
		v.XMLName.Local = "DeleteMarker"
	}
	for name := p.child(v.XMLName.Local); name != nil; name = p.child(v.XMLName.Local) {
		switch string(name) {
		case "Key":
			v.Key = p.string(name)
		case "VersionId":
			v.VersionID = p.string(name)
		case "IsLatest":
			v.IsLatest = p.flag(name)
		case "LastModified":
			v.LastModified = p.time(name)
		case "ETag":
			v.ETag = p.string(name)
		case "Type":
			v.Type = p.word(name)
		case "Size":
			n := p.number(name)
			v.Size = &n
		case "StorageClass":
			v.StorageClass = p.word(name)
		case "Owner":
			v.Owner = p.owner(name, v.Owner)
		default:
			p.skip(name, 0)
		}
	}
	return v
}

func (d *UploadList) reset() { *d = UploadList{} }

func (d *UploadList) readPlain(document []byte) bool {
	const root = "ListMultipartUploadsResult"
	d.XMLName = xml.Name{Local: root}
	return readPlain(document, root, func(p *plainReader) {
		for name := p.child(root); name != nil; name = p.child(root) {
			switch string(name) {
			case "EncodingType":
				d.EncodingType = p.string(name)
			case "Bucket":
				d.Bucket = p.string(name)
			case "KeyMarker":
				d.KeyMarker = p.string(name)
			case "UploadIdMarker":
				d.UploadIDMarker = p.string(name)
			case "NextKeyMarker":
				d.NextKeyMarker = p.string(name)
			case "NextUploadIdMarker":
				d.NextUploadIDMarker = p.string(name)
			case "Delimiter":
				d.Delimiter = p.string(name)
			case "Prefix":
				d.Prefix = p.string(name)
			case "MaxUploads":
				d.MaxUploads = p.count(name)
			case "IsTruncated":
				d.IsTruncated = p.flag(name)
			case "Upload":
				d.Uploads = append(d.Uploads, p.upload(name))
			case "CommonPrefixes":
				d.CommonPrefixes = append(d.CommonPrefixes, p.commonPrefix(name))
			default:
				p.skip(name, 0)
			}
		}
	})
}

func (p *plainReader) upload(parent []byte) (u Upload) {
	for name := p.child(string(parent)); name != nil; name = p.child(string(parent)) {
		switch string(name) {
		case "Key":
			u.Key = p.string(name)
		case "UploadId":
			u.UploadID = p.string(name)
		case "StorageClass":
			u.StorageClass = p.word(name)
		case "Initiated":
			u.Initiated = p.time(name)
		default:
			p.skip(name, 0)
		}
	}
	return u
}

func (d *PartList) reset() { *d = PartList{} }

func (d *PartList) readPlain(document []byte) bool {
	const root = "ListPartsResult"
	d.XMLName = xml.Name{Local: root}
	return readPlain(document, root, func(p *plainReader) {
		for name := p.child(root); name != nil; name = p.child(root) {
			switch string(name) {
			case "EncodingType":
				d.EncodingType = p.string(name)
			case "Bucket":
				d.Bucket = p.string(name)
			case "Key":
				d.Key = p.string(name)
			case "UploadId":
				d.UploadID = p.string(name)
			case "StorageClass":
				d.StorageClass = p.word(name)
			case "PartNumberMarker":
				d.PartNumberMarker = p.string(name)
			case "NextPartNumberMarker":
				d.NextPartNumberMarker = p.string(name)
			case "MaxParts":
				d.MaxParts = p.count(name)
			case "IsTruncated":
				d.IsTruncated = p.flag(name)
			case "Part":
				d.Parts = append(d.Parts, p.part(name))
			default:
				p.clientEncryption(name, &d.ClientEncryption)
			}
		}
	})
}

func (p *plainReader) part(parent []byte) (v Part) {
	for name := p.child(string(parent)); name != nil; name = p.child(string(parent)) {
		switch string(name) {
		case "PartNumber":
			v.Number = p.count(name)
		case "LastModified":
			v.LastModified = p.time(name)
		case "ETag":
			v.ETag = p.string(name)
		case "HashCrc64ecma":
			v.CRC64 = p.sum(name)
		case "Size":
			v.Size = p.number(name)
		default:
			p.skip(name, 0)
		}
	}
	return v
}

// clientEncryption reads one element of a PartList, if it is one of c.
func (p *plainReader) clientEncryption(name []byte, c *ClientEncryption) {
	switch string(name) {
	case "ClientEncryptionKey":
		c.Key = p.string(name)
	case "ClientEncryptionStart":
		c.Start = p.string(name)
	case "ClientEncryptionCekAlg":
		c.CEKAlg = p.string(name)
	case "ClientEncryptionWrapAlg":
		c.WrapAlg = p.string(name)
	case "ClientEncryptionDataSize":
		c.DataSize = p.number(name)
	case "ClientEncryptionPartSize":
		c.PartSize = p.number(name)
	default:
		p.skip(name, 0)
	}
}
