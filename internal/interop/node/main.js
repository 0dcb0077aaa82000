// Runs the Node clients for the tests in Go: each line of standard input is a command in JSON, each line of standard
// output its outcome, in the same order.
'use strict';

const dns = require('dns');
const http = require('http');
const readline = require('readline');

// Connections lead to this machine, whatever host they ask for: no name is looked up.
dns.lookup = (host, options, done) => {
  const reply = done || options;
  if (options.all) {
    reply(null, [{ address: '127.0.0.1', family: 4 }]);
  } else {
    reply(null, '127.0.0.1', 4);
  }
};
const agent = new http.Agent({ keepAlive: true });

const sdks = {
  'ali-oss': require('./ali-oss'),
  'aliyun-sdk': require('./aliyun-sdk'),
  'oss-client': require('./oss-client')
};

// Clients are kept: what one remembers from command to command is part of what is tested.
const clients = new Map();

function clientOf(sdk, options) {
  const id = JSON.stringify({ sdk, options });
  if (!clients.has(id)) {
    clients.set(id, sdks[sdk].make(options, agent));
  }
  return clients.get(id);
}

async function run(line) {
  const { sdk, options, command, args } = JSON.parse(line);
  const does = sdks[sdk].commands[command];
  if (!does) return { lacks: command };
  try {
    return { value: (await does(clientOf(sdk, options), args)) || {} };
  } catch (err) {
    return { error: sdks[sdk].describe(err) };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await run(line))}\n`);
  }
  agent.destroy();
}

main();
