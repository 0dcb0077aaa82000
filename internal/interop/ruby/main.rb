# Runs the Ruby client fog-aliyun for the tests in Go: each line of standard input is a command in JSON, each line of
# standard output its outcome, in the same order.
# frozen_string_literal: true

require 'base64'
require 'json'
require 'fog/aliyun'

Fog::Logger[:deprecation] = nil # fog speaks of its own names

# A Client is one of fog-aliyun, and the bucket that each call names.
Client = Struct.new(:fog, :bucket)

def make(options)
  fog = Fog::Storage.new(
    provider: 'aliyun',
    aliyun_accesskey_id: options['accessKeyId'],
    aliyun_accesskey_secret: options['accessKeySecret'],
    aliyun_oss_bucket: options['bucket'],
    aliyun_oss_endpoint: options['endpoint'],
    connection_options: { proxy: options['proxy'] }
  )
  Client.new(fog, options['bucket'])
end

# A Missing is what the client returns for an object that is not there: a reply like any other.
class Missing < StandardError
  attr_reader :reply

  def initialize(reply)
    @reply = reply
    super('404')
  end
end

def found(reply)
  raise Missing, reply if reply[:status] == 404

  reply
end

COMMANDS = {
  'put' => ->(c, a) { c.fog.put_object_with_body(a['key'], Base64.decode64(a['data'])) && {} },
  'get' => ->(c, a) { { data: Base64.strict_encode64(found(c.fog.get_object(a['key']))[:body]) } },
  'head' => lambda { |c, a|
    h = found(c.fog.head_object(a['key']).data)[:headers]
    { size: h['Content-Length'].to_i, etag: h['ETag'], kind: h['Content-Type'], color: h['x-oss-meta-color'] || '' }
  },
  'remove' => ->(c, a) { c.fog.delete_object(a['key']) && {} },
  'copy' => ->(c, a) { c.fog.copy_object(nil, a['from'], nil, a['to']) && {} },
  'initiate' => ->(c, a) { { id: c.fog.initiate_multipart_upload(c.bucket, a['key'], nil) } },
  'part' => lambda { |c, a|
    reply = c.fog.upload_part(c.bucket, a['key'], nil, a['number'].to_s, a['id'], Base64.decode64(a['data']))
    { etag: reply.headers['ETag'] }
  },
  'complete' => ->(c, a) { c.fog.complete_multipart_upload(c.bucket, a['key'], nil, a['id']) && {} },
  'abort' => ->(c, a) { c.fog.abort_multipart_upload(c.bucket, a['key'], nil, a['id']) && {} },
  'parts' => lambda { |c, a|
    list = c.fog.list_parts(c.bucket, a['key'], nil, a['id']) || []
    { parts: list.map { |p| { Number: p['PartNumber'][0].to_i, ETag: p['ETag'][0], Size: p['Size'][0].to_i } } }
  },
  'uploads' => lambda { |c, _|
    list = c.fog.list_multipart_uploads(c.bucket, nil) || []
    { uploads: list.map { |u| { Key: u['Key'][0], ID: u['UploadId'][0] } } }
  },
  'list' => lambda { |c, a|
    keys = []
    marker = nil
    loop do
      r = c.fog.list_objects(prefix: a['prefix'], marker: marker, maxKeys: a['page'].to_s)
      keys.concat((r['Contents'] || []).map { |o| o['Key'][0] })
      break if r['IsTruncated'][0] != 'true'

      marker = r['NextMarker'][0]
    end
    { keys: keys }
  },
  'makeBucket' => ->(c, a) { c.fog.put_bucket(a['name']) && {} },
  'dropBucket' => ->(c, a) { c.fog.delete_bucket(a['name']) && {} },
  'buckets' => ->(c, _) { { keys: (c.fog.list_buckets['Bucket'] || []).map { |b| b['Name'][0] } } }
}.freeze

# describe says what an error has: the reply, as it came.
def describe(err)
  reply = case err
          when Missing then err.reply
          when Excon::Error::HTTPStatus then err.response.data
          when Fog::Storage::Aliyun::NotFound then err.cause.response.data
          else return { name: err.class.name, message: err.message }
          end
  doc = XmlSimple.xml_in(reply[:body].empty? ? '<Error/>' : reply[:body])
  {
    name: err.class.name, message: doc['Message'].to_s, code: (doc['Code'] || [''])[0], status: reply[:status],
    requestID: reply[:headers]['x-oss-request-id'], ec: reply[:headers]['x-oss-ec']
  }
end

# CLIENTS are kept: what one remembers from command to command is part of what is tested.
CLIENTS = {}

def run(line)
  command, options, args = JSON.parse(line).values_at('command', 'options', 'args')
  does = COMMANDS[command]
  return { lacks: command } unless does

  client = CLIENTS[options] ||= make(options)
  { value: does.call(client, args || {}) }
rescue StandardError => e
  { error: describe(e) }
end

$stdin.each_line do |line|
  puts JSON.generate(run(line))
  $stdout.flush
end
