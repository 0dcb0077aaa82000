// The official Node client, ali-oss.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const OSS = require('ali-oss');

// headersOf spells out the extras of a command.
function headersOf({ md5, forbid, kind, color }) {
  const headers = {};
  if (md5) headers['Content-MD5'] = md5;
  if (forbid) headers['x-oss-forbid-overwrite'] = 'true';
  if (kind) headers['Content-Type'] = kind;
  if (color) headers['x-oss-meta-color'] = color;
  return headers;
}

// callbackOf asks for a callback in the client's way.
const callbackOf = n => ({ url: n.URL, body: n.Body, contentType: n.Type, customValue: n.Vars });

const digest = data => crypto.createHash('md5').update(data).digest('hex');

// withPrefix leaves an empty prefix out: with V4 the client signs "prefix=" where OSS reads "prefix".
const withPrefix = (prefix, query) => (prefix ? { prefix, ...query } : query);

// array undoes what an XML parser makes of a list of one.
const array = v => (Array.isArray(v) ? v : [v]);

const commands = {
  async put(c, a) {
    const data = Buffer.from(a.data, 'base64');
    await c.put(a.key, data, { headers: headersOf(a) });
  },

  // putStream sends a stream of unknown length, in chunks.
  async putStream(c, a) {
    await c.putStream(a.key, fs.createReadStream(a.file));
  },

  async get(c, a) {
    const { content } = await c.get(a.key);
    return { data: content.toString('base64') };
  },

  // getStream returns a digest only, after reading piece by piece.
  async getStream(c, a) {
    const { stream } = await c.getStream(a.key);
    const pieces = [];
    for await (const piece of stream) pieces.push(piece);
    return { md5: digest(Buffer.concat(pieces)) };
  },

  async head(c, a) {
    const { res, meta } = await c.head(a.key);
    const h = res.headers;
    return { size: Number(h['content-length']), etag: h.etag, kind: h['content-type'], color: (meta || {}).color };
  },

  async remove(c, a) {
    await c.delete(a.key);
  },

  async copy(c, a) {
    await c.copy(a.to, a.from);
  },

  async append(c, a) {
    const r = await c.append(a.key, Buffer.from(a.data, 'base64'), { position: a.position });
    return { position: Number(r.nextAppendPosition) };
  },

  async initiate(c, a) {
    const { uploadId } = await c.initMultipartUpload(a.key, { headers: headersOf(a) });
    return { id: uploadId };
  },

  async part(c, a) {
    const data = Buffer.from(a.data, 'base64');
    const { etag } = await c.uploadPart(a.key, a.id, a.number, data, 0, data.length, { headers: headersOf(a) });
    return { etag };
  },

  async copyPart(c, a) {
    const range = `${a.offset}-${a.offset + a.size - 1}`;
    const source = { sourceKey: a.from, sourceBucketName: c.getBucket() };
    const { etag } = await c.uploadPartCopy(a.key, a.id, a.number, range, source);
    return { etag };
  },

  async complete(c, a) {
    const parts = a.parts.map(p => ({ number: p.Number, etag: p.ETag }));
    await c.completeMultipartUpload(a.key, a.id, parts, { headers: headersOf(a) });
  },

  async abort(c, a) {
    await c.abortMultipartUpload(a.key, a.id);
  },

  async parts(c, a) {
    const parts = [];
    for (let after = 0; ; ) {
      const r = await c.listParts(a.key, a.id, { 'max-parts': a.page, 'part-number-marker': after });
      for (const p of array(r.parts)) parts.push({ Number: Number(p.PartNumber), ETag: p.ETag, Size: Number(p.Size) });
      if (r.isTruncated !== 'true') return { parts };
      after = r.nextPartNumberMarker;
    }
  },

  async uploads(c, a) {
    const uploads = [];
    for (let query = withPrefix(a.prefix, { 'max-uploads': a.page }); ; ) {
      const r = await c.listUploads(query);
      for (const u of r.uploads) uploads.push({ Key: u.name, ID: u.uploadId });
      if (!r.isTruncated) return { uploads };
      query = { ...query, 'key-marker': r.nextKeyMarker, 'upload-id-marker': r.nextUploadIdMarker };
    }
  },

  async list(c, a) {
    const keys = [];
    for (let query = withPrefix(a.prefix, { 'max-keys': a.page }); ; ) {
      const r = a.v2 ? await c.listV2(query) : await c.list(query);
      for (const o of r.objects) keys.push(o.name);
      if (!r.isTruncated) return { keys };
      query = withPrefix(a.prefix, { 'max-keys': a.page });
      if (a.v2) {
        query['continuation-token'] = r.nextContinuationToken;
      } else {
        query.marker = r.nextMarker;
      }
    }
  },

  async presign(c, a) {
    const queries = a.id ? { uploadId: a.id, partNumber: String(a.number) } : {};
    if (c.options.authorizationV4) {
      return { url: await c.signatureUrlV4(a.method, 60, { queries }, a.key) };
    }
    return { url: c.signatureUrl(a.key, { method: a.method, expires: 60, subResource: queries }) };
  },

  async makeBucket(c, a) {
    await c.putBucket(a.name);
  },

  async dropBucket(c, a) {
    await c.deleteBucket(a.name);
  },

  async buckets(c) {
    const { buckets } = await c.listBuckets();
    return { keys: (buckets || []).map(b => b.name) };
  },

  async removeAll(c, a) {
    const { deleted } = await c.deleteMulti(a.keys);
    return { keys: deleted.map(d => d.Key) };
  },

  async setTags(c, a) {
    await c.putObjectTagging(a.key, a.tags);
  },

  async tags(c, a) {
    const { tag } = await c.getObjectTagging(a.key);
    return { tags: tag };
  },

  async setACL(c, a) {
    await c.putACL(a.key, a.acl);
  },

  async acl(c, a) {
    const { acl } = await c.getACL(a.key);
    return { acl };
  },

  async keepVersions(c) {
    await c.putBucketVersioning(c.getBucket(), 'Enabled');
  },

  async versions(c, a) {
    const versions = [];
    const markers = [];
    for (let query = withPrefix(a.prefix, { 'max-keys': a.page }); ; ) {
      const r = await c.getBucketVersions(query);
      for (const o of r.objects) versions.push({ Key: o.name, ID: o.versionId });
      for (const o of r.deleteMarker) markers.push({ Key: o.name, ID: o.versionId, Marker: true });
      if (!r.isTruncated) return { versions: versions.concat(markers) };
      query = { ...query, 'key-marker': r.nextKeyMarker, 'version-id-marker': r.nextVersionIdMarker };
    }
  },

  async getVersion(c, a) {
    const { content } = await c.get(a.key, { versionId: a.id });
    return { data: content.toString('base64') };
  },

  async putNotified(c, a) {
    const { data } = await c.put(a.key, Buffer.from(a.data, 'base64'), { callback: callbackOf(a.notice) });
    return { answer: JSON.stringify(data) };
  },

  async completeNotified(c, a) {
    const parts = a.parts.map(p => ({ number: p.Number, etag: p.ETag }));
    const { data } = await c.completeMultipartUpload(a.key, a.id, parts, { callback: callbackOf(a.notice) });
    return { answer: JSON.stringify(data) };
  },

  async link(c, a) {
    await c.putSymlink(a.key, a.target, {});
  },

  async target(c, a) {
    const { targetName } = await c.getSymlink(a.key);
    return { target: targetName };
  },

  async archive(c, a) {
    await c.put(a.key, Buffer.from(a.data, 'base64'), { headers: { 'x-oss-storage-class': 'Archive' } });
  },

  async restore(c, a) {
    await c.restore(a.key);
  },

  // multipartUpload is the client's own uploader. Its error carries the checkpoint it got to, from
  // which another call resumes.
  async multipartUpload(c, a) {
    let reached = a.checkpoint;
    const progress = (done, checkpoint) => {
      reached = checkpoint || reached;
    };
    const options = { partSize: a.partSize, parallel: a.parallel, checkpoint: a.checkpoint, progress };
    try {
      const { etag } = await c.multipartUpload(a.key, a.file, options);
      return { etag };
    } catch (err) {
      err.checkpoint = reached;
      throw err;
    }
  },

  // multipartCopy is the client's own copier.
  async multipartCopy(c, a) {
    const source = { sourceKey: a.from, sourceBucketName: c.getBucket() };
    const { etag } = await c.multipartUploadCopy(a.key, source, { partSize: a.partSize, parallel: 2 });
    return { etag };
  }
};

// describe says what an error has.
function describe(err) {
  const { name, message, code, status, requestId, ecCode, checkpoint } = err;
  return { name, message, code, status, requestID: requestId, ec: ecCode, checkpoint };
}

module.exports = { make: (options, agent) => new OSS({ ...options, agent }), commands, describe };
