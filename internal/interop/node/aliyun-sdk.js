// The SDK of the Alibaba Cloud UED team, aliyun-sdk: the older one, which has the form of AWS's.
'use strict';

const ALY = require('aliyun-sdk');

// make makes a client and remembers its bucket, which each call names.
function make({ bucket, ...options }, agent) {
  const oss = new ALY.OSS({ apiVersion: '2013-10-15', maxRetries: 0, httpOptions: { agent }, ...options });
  const callService = (name, params) =>
    new Promise((resolve, reject) => {
      oss[name](params, (err, data) => (err ? reject(err) : resolve(data)));
    });
  const call = (name, params) => callService(name, { Bucket: bucket, ...params });
  return { oss, bucket, call, callService };
}

// paramsOf spells out the extras of a command.
function paramsOf({ md5, kind, color }) {
  const params = {};
  if (md5) params.ContentMD5 = md5;
  if (kind) params.ContentType = kind;
  if (color) params.Metadata = { color };
  return params;
}

const bytes = text => Buffer.from(text, 'base64');

// sourceOf names an object as a header wants it.
const sourceOf = (c, key) => `/${c.bucket}/${encodeURIComponent(key)}`;

const commands = {
  async put(c, a) {
    await c.call('putObject', { Key: a.key, Body: bytes(a.data), ...paramsOf(a) });
  },

  async get(c, a) {
    const { Body } = await c.call('getObject', { Key: a.key });
    return { data: Body.toString('base64') };
  },

  async head(c, a) {
    const r = await c.call('headObject', { Key: a.key });
    return { size: Number(r.ContentLength), etag: r.ETag, kind: r.ContentType, color: (r.Metadata || {}).color };
  },

  async remove(c, a) {
    await c.call('deleteObject', { Key: a.key });
  },

  async copy(c, a) {
    await c.call('copyObject', { Key: a.to, CopySource: sourceOf(c, a.from) });
  },

  async append(c, a) {
    const r = await c.call('appendObject', { Key: a.key, Position: a.position, Body: bytes(a.data) });
    return { position: Number(r.NextAppendPosition) };
  },

  async initiate(c, a) {
    const { UploadId } = await c.call('createMultipartUpload', { Key: a.key, ...paramsOf(a) });
    return { id: UploadId };
  },

  async part(c, a) {
    const params = { Key: a.key, UploadId: a.id, PartNumber: a.number, Body: bytes(a.data), ...paramsOf(a) };
    const { ETag } = await c.call('uploadPart', params);
    return { etag: ETag };
  },

  async copyPart(c, a) {
    const CopySourceRange = `bytes=${a.offset}-${a.offset + a.size - 1}`;
    const source = { CopySource: sourceOf(c, a.from), CopySourceRange };
    const { ETag } = await c.call('uploadPartCopy', { Key: a.key, UploadId: a.id, PartNumber: a.number, ...source });
    return { etag: ETag };
  },

  async complete(c, a) {
    const Parts = a.parts.map(p => ({ PartNumber: p.Number, ETag: p.ETag }));
    await c.call('completeMultipartUpload', { Key: a.key, UploadId: a.id, CompleteMultipartUpload: { Parts } });
  },

  async abort(c, a) {
    await c.call('abortMultipartUpload', { Key: a.key, UploadId: a.id });
  },

  async parts(c, a) {
    const parts = [];
    for (let after = 0; ; ) {
      const r = await c.call('listParts', { Key: a.key, UploadId: a.id, MaxParts: a.page, PartNumberMarker: after });
      for (const p of r.Part || r.Parts) parts.push({ Number: p.PartNumber, ETag: p.ETag, Size: p.Size });
      if (!r.IsTruncated) return { parts };
      after = r.NextPartNumberMarker;
    }
  },

  async uploads(c, a) {
    const uploads = [];
    for (let query = { Prefix: a.prefix, MaxUploads: a.page }; ; ) {
      const r = await c.call('listMultipartUploads', query);
      for (const u of r.Upload || r.Uploads) uploads.push({ Key: u.Key, ID: u.UploadId });
      if (!r.IsTruncated) return { uploads };
      query = { ...query, KeyMarker: r.NextKeyMarker, UploadIdMarker: r.NextUploadIdMarker };
    }
  },

  async list(c, a) {
    const keys = [];
    for (let query = { Prefix: a.prefix, MaxKeys: a.page }; ; ) {
      const r = await c.call('listObjects', query);
      for (const o of r.Contents) keys.push(o.Key);
      if (!r.IsTruncated) return { keys };
      query = { ...query, Marker: r.NextMarker };
    }
  },

  async presign(c, a) {
    const params = { Bucket: c.bucket, Key: a.key, Expires: 60 };
    if (a.id) return { url: c.oss.getSignedUrl('uploadPart', { ...params, UploadId: a.id, PartNumber: a.number }) };
    return { url: c.oss.getSignedUrl(a.method === 'GET' ? 'getObject' : 'putObject', params) };
  },

  async makeBucket(c, a) {
    await c.call('createBucket', { Bucket: a.name });
  },

  async dropBucket(c, a) {
    await c.call('deleteBucket', { Bucket: a.name });
  },

  async buckets(c) {
    const r = await c.callService('listBuckets');
    return { keys: r.Buckets.map(b => b.Name) };
  },

  async removeAll(c, a) {
    const { Deleted } = await c.call('deleteObjects', { Delete: { Objects: a.keys.map(Key => ({ Key })) } });
    return { keys: Deleted.map(d => d.Key) };
  },

  async setACL(c, a) {
    await c.call('putObjectAcl', { Key: a.key, ACL: a.acl });
  },

  async acl(c, a) {
    const { Grants } = await c.call('getObjectAcl', { Key: a.key });
    return { acl: Object.values(Grants[0]).join('') }; // it takes the text for a structure of letters
  },

  async archive(c, a) {
    await c.call('putObject', { Key: a.key, Body: bytes(a.data), StorageClass: 'Archive' });
  },

  async restore(c, a) {
    await c.call('restoreObject', { Key: a.key });
  }
};

// describe says what an error has: the refusal's headers, but of its document only code and message.
function describe(err) {
  const { name, message, code, statusCode, headers = {} } = err;
  const [requestID, ec] = [headers['x-oss-request-id'], headers['x-oss-ec']];
  return { name, message, code: String(code), status: statusCode, requestID, ec };
}

module.exports = { make, commands, describe };
