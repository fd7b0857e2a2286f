// Node's HTTP clients. README.md says what it reads and writes.
'use strict';
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');

const PIECE = 65536;
const [name, url, caPath, version] = process.argv.slice(2);
const ca = fs.readFileSync(caPath);

function* inPieces(data) {
  for (let start = 0; start < data.length; start += PIECE) yield data.subarray(start, start + PIECE);
}

async function readAll(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

function withHttp() {
  const module = url.startsWith('https') ? https : http;
  const agent = new module.Agent({keepAlive: true, ca});
  return request => new Promise((resolve, reject) => {
    const headers = {...request.headers};
    if (request.body && !request.chunked) headers['Content-Length'] = request.body.length;
    const asked = module.request(url + request.path, {method: request.method, headers, agent});
    let answered = false;
    asked.on('error', error => { if (!answered) reject(error); });
    asked.on('response', answer => {
      answered = true;
      readAll(answer).then(body => resolve([answer.statusCode, answer.httpVersion, body]), reject);
    });
    const send = () => {
      if (request.chunked) for (const piece of inPieces(request.body)) asked.write(piece);
      asked.end(request.chunked ? undefined : request.body);
    };
    if (request.headers.Expect) asked.on('continue', send); else send();
    if (request.headers.Expect) asked.flushHeaders();
  });
}

function withHttp2() {
  let session = null;
  const connected = () => {
    if (!session || session.closed || session.destroyed) {
      session = http2.connect(url, {ca});
      session.on('error', () => {});
    }
    return session;
  };
  return request => new Promise((resolve, reject) => {
    const headers = {':method': request.method, ':path': request.path, ...request.headers};
    delete headers.Expect;
    const stream = connected().request(headers, {endStream: !request.body});
    let status = null;
    const pieces = [];
    stream.on('response', answer => { status = answer[':status']; });
    stream.on('data', piece => pieces.push(piece));
    stream.on('end', () => {
      if (status === null) reject(new Error('ended without an answer'));
      else resolve([status, '2', Buffer.concat(pieces)]);
    });
    stream.on('error', reject);
    if (request.body) stream.end(request.body);
  });
}

function withFetch() {
  return async request => {
    const body = request.chunked ? {body: inPiecesLater(request.body), duplex: 'half'} : {body: request.body};
    const answer = await fetch(url + request.path, {method: request.method, headers: request.headers, ...body});
    return [answer.status, '1.1', Buffer.from(await answer.arrayBuffer())];
  };
}

async function* inPiecesLater(data) {
  yield* inPieces(data);
}

function withUndici() {
  const undici = require('undici');
  const client = new undici.Agent({connect: {ca}});
  return async request => {
    const answer = await undici.request(url + request.path, {
      method: request.method, headers: request.headers, dispatcher: client,
      body: request.chunked ? inPiecesLater(request.body) : request.body,
    });
    return [answer.statusCode, '1.1', Buffer.from(await answer.body.arrayBuffer())];
  };
}

function withAxios() {
  const axios = require('axios');
  const client = axios.create({
    baseURL: url, proxy: false, validateStatus: () => true, responseType: 'arraybuffer', maxBodyLength: Infinity,
    httpAgent: new http.Agent({keepAlive: true}), httpsAgent: new https.Agent({keepAlive: true, ca}),
  });
  return async request => {
    const answer = await client.request({
      method: request.method, url: request.path, headers: request.headers, data: request.body,
    });
    return [answer.status, '1.1', Buffer.from(answer.data)];
  };
}

function withGot() {
  const got = require('got');
  const client = got.extend({
    prefixUrl: url, throwHttpErrors: false, responseType: 'buffer', retry: 0, http2: version === '2',
    allowGetBody: false, https: {certificateAuthority: ca},
  });
  return async request => {
    const answer = await client(request.path.substring(1), {
      method: request.method, headers: request.headers, ...(request.body ? {body: request.body} : {}),
    });
    return [answer.statusCode, answer.httpVersion, answer.body];
  };
}

const CLIENTS = {
  http: withHttp, http2: withHttp2, fetch: withFetch, undici: withUndici, axios: withAxios, got: withGot,
};

async function main() {
  const ask = CLIENTS[name]();
  for (const line of (await readAll(process.stdin)).toString().split('\n').filter(text => text)) {
    const [method, path, body, flags, ...fields] = line.split('\t');
    const headers = Object.fromEntries(fields.map(field => field.split(/: (.*)/s)));
    const request = {
      method, path, headers, chunked: flags.includes('chunked'), body: body === '-' ? undefined : fs.readFileSync(body),
    };
    try {
      const [status, spoken, content] = await ask(request);
      console.log([status, spoken, content.toString('base64')].join('\t'));
    } catch (error) {
      const cause = error.cause ? ` (${error.cause})` : '';
      console.log(['failed', `${error}${cause}`.replace(/\s+/g, ' ')].join('\t'));
    }
  }
}

main().then(() => process.stdout.write('', () => process.exit(0)));
