// The generated client @alicloud/oss-client.
'use strict';

const crypto = require('crypto');
const { Readable } = require('stream');
const OSS = require('@alicloud/oss-client');
const { RuntimeOptions } = require('@alicloud/oss-util');
const { toMap } = require('@alicloud/tea-typescript');
const { toXML } = require('@alicloud/tea-xml').default;

// make makes a client and remembers its bucket, which each call names.
function make({ bucket, ...options }) {
  const oss = new OSS.default(new OSS.Config({ type: 'access_key', protocol: 'http', ...options }));
  const call = (name, params) => {
    const kind = name[0].toUpperCase() + name.slice(1);
    const request = new OSS[`${kind}Request`]({ bucketName: bucket, ...params });
    return oss[name](request, new RuntimeOptions({ autoretry: false }));
  };
  return { oss, bucket, call };
}

const stream = text => Readable.from([Buffer.from(text, 'base64')]);

// read reads a body to its end.
async function read(body) {
  const pieces = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString('base64');
}

// array undoes what an XML parser makes of a list of one or none.
const array = v => (Array.isArray(v) ? v : v ? [v] : []);

const commands = {
  async put(c, a) {
    const header = new OSS.PutObjectRequestHeader(a.kind ? { contentType: a.kind } : {});
    const userMeta = a.color ? { 'x-oss-meta-x-oss-meta-color': a.color } : {}; // it takes the first prefix away
    await c.call('putObject', { objectName: a.key, body: stream(a.data), userMeta, header });
  },

  async get(c, a) {
    const { body } = await c.call('getObject', { objectName: a.key });
    return { data: await read(body) };
  },

  async head(c, a) {
    const { userMeta: h } = await c.call('headObject', { objectName: a.key });
    const of = name => h[`x-oss-meta-${name}`]; // every header is there, with that prefix if it has none
    return { size: Number(of('content-length')), etag: of('etag'), kind: of('content-type'), color: of('color') };
  },

  async remove(c, a) {
    await c.call('deleteObject', { objectName: a.key });
  },

  async copy(c, a) {
    const header = new OSS.CopyObjectRequestHeader({ copySource: `/${c.bucket}/${a.from}` });
    await c.call('copyObject', { destObjectName: a.to, header });
  },

  async append(c, a) {
    const filter = new OSS.AppendObjectRequestFilter({ position: String(a.position) });
    const r = await c.call('appendObject', { objectName: a.key, body: stream(a.data), filter });
    return { position: Number(r.nextAppendPosition) };
  },

  async initiate(c, a) {
    const r = await c.call('initiateMultipartUpload', { objectName: a.key });
    return { id: r.initiateMultipartUploadResult.uploadId };
  },

  async uploads(c, a) {
    const filter = new OSS.ListMultipartUploadsRequestFilter({ prefix: a.prefix, maxUploads: String(a.page) });
    const r = await c.call('listMultipartUploads', { filter });
    return { uploads: array(r.listMultipartUploadsResult.upload).map(u => ({ Key: u.key, ID: u.uploadId })) };
  },

  async list(c, a) {
    const keys = [];
    for (let query = { prefix: a.prefix, maxKeys: String(a.page) }; ; ) {
      const { listBucketResult: r } = await c.call('getBucket', { filter: new OSS.GetBucketRequestFilter(query) });
      for (const o of array(r.contents)) keys.push(o.key);
      if (r.isTruncated !== 'true') return { keys };
      query = { ...query, marker: keys[keys.length - 1] }; // it drops NextMarker
    }
  },

  async removeAll(c, a) {
    const object = a.keys.map(key => new OSS.DeleteMultipleObjectsRequestBodyDeleteObject({ key }));
    const body = new OSS.DeleteMultipleObjectsRequestBody({
      delete: new OSS.DeleteMultipleObjectsRequestBodyDelete({ object, quiet: 'false' })
    });
    const contentMD5 = crypto.createHash('md5').update(toXML(toMap(body))).digest('base64'); // its own is in hex
    const header = new OSS.DeleteMultipleObjectsRequestHeader({ contentMD5 });
    const r = await c.call('deleteMultipleObjects', { body, header });
    return { keys: array(r.deleteResult.deleted).map(d => d.key) };
  },

  async setTags(c, a) {
    const Tag = OSS.PutObjectTaggingRequestBodyTaggingTagSetTag;
    const tag = Object.entries(a.tags).map(([key, value]) => new Tag({ key, value }));
    const tagSet = new OSS.PutObjectTaggingRequestBodyTaggingTagSet({ tag });
    const tagging = new OSS.PutObjectTaggingRequestBodyTagging({ tagSet });
    await c.call('putObjectTagging', { objectName: a.key, body: new OSS.PutObjectTaggingRequestBody({ tagging }) });
  },

  async tags(c, a) {
    const r = await c.call('getObjectTagging', { objectName: a.key });
    const tags = {};
    for (const { key, value } of array(r.tagging.tagSet.tag)) tags[key] = value;
    return { tags };
  },

  async link(c, a) {
    const header = new OSS.PutSymlinkRequestHeader({ symlinkTarget: a.target });
    await c.call('putSymlink', { objectName: a.key, header });
  },

  async target(c, a) {
    const { symlinkTarget } = await c.call('getSymlink', { objectName: a.key });
    return { target: symlinkTarget };
  },

  async archive(c, a) {
    const header = new OSS.PutObjectRequestHeader({ storageClass: 'Archive' });
    await c.call('putObject', { objectName: a.key, body: stream(a.data), userMeta: {}, header });
  },

  async restore(c, a) {
    await c.call('restoreObject', { objectName: a.key });
  }
};

// describe says what an error has: nothing of EC.
function describe(err) {
  const { name, message, code, data = {} } = err;
  return { name, message, code, status: data.httpCode, requestID: data.requestId };
}

module.exports = { make, commands, describe };
