/** Real servers on this machine: of files, and proxies before them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Lasting } from './temp.ts';

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface Served {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What was asked for so far: the path, and the range if there was one. */
  readonly asked: string[];
}

/** Answers by path; any other is not found. */
export async function served(t: Lasting, answers: Readonly<Record<string, Answer>>): Promise<Served> {
  const { asked, listener } = answering(answers);
  return { url: await listening(t, createServer(listener)), asked };
}

/**
 * A self-signed certificate for 127.0.0.1 and its key, which is no secret: no machine trusts it but where a test says so. They
 * are kept, from 2020 to 2120, so that tests over https need no openssl.
 */
const CERTIFICATE = fileURLToPath(new URL('tls/cert.pem', import.meta.url));
const KEY = fileURLToPath(new URL('tls/key.pem', import.meta.url));

/** The same over https, as 127.0.0.1; whoever asks has to trust the certificate in the file. */
export async function servedTls(
  t: Lasting,
  answers: Readonly<Record<string, Answer>>,
): Promise<Served & { readonly certificate: string }> {
  const { asked, listener } = answering(answers);
  const given = { key: readFileSync(KEY), cert: readFileSync(CERTIFICATE) };
  const url = await listening(t, createTlsServer(given, listener));
  return { url: url.replace('http:', 'https:'), asked, certificate: CERTIFICATE };
}

function answering(answers: Readonly<Record<string, Answer>>) {
  const asked: string[] = [];
  const listener: RequestListener = (request, response) => {
    const { url = '', headers } = request;
    const range = headers.range
      ? ` ${headers.range}${headers['if-range'] ? ` if ${headers['if-range']}` : ''}`
      : '';
    asked.push(`${url}${range}`);
    const answer = answers[url] ?? ((missing) => missing.writeHead(404).end('not here'));
    answer(response, request);
  };
  return { asked, listener };
}

export async function listening(t: Lasting, server: Server | TlsServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  return `http://127.0.0.1:${address.port}`;
}

/** A whole file, or the part of it that was asked for, as RFC 9110 has it. */
export function file(bytes: string, etag = '"1"'): Answer {
  return breaking(bytes, bytes.length, etag).answer;
}

/** The same, but each answer stands still after `count` bytes, and its connection breaks once those were seen. */
export function breaking(bytes: string, count: number, etag = '"1"') {
  let end = 0;
  let held: ServerResponse | undefined;
  const answer: Answer = (response, { headers }) => {
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const start = headers['if-range'] === undefined || headers['if-range'] === etag ? from : 0;
    if (start > 0 && start >= bytes.length) return void response.writeHead(416).end();
    response.writeHead(start > 0 ? 206 : 200, {
      etag,
      'content-length': bytes.length - start,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    end = start + count;
    held = response;
    if (end >= bytes.length) response.end(bytes.slice(start));
    else response.write(bytes.slice(start, end));
  };
  const seen = (done: number) => {
    if (done === end && end < bytes.length) held?.destroy();
  };
  return { answer, seen };
}

/** A forward proxy that also tunnels; `needs` is the user and password it wants. */
export async function proxy(t: Lasting, needs?: string): Promise<Served> {
  const asked: string[] = [];
  const allowed = ({ headers }: IncomingMessage) =>
    needs === undefined ||
    headers['proxy-authorization'] === `Basic ${Buffer.from(needs).toString('base64')}`;
  const server = createServer((asking, response) => {
    asked.push(`GET ${asking.url}`);
    if (!allowed(asking)) return void response.writeHead(407).end();
    const onward = request(asking.url ?? '', { headers: asking.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    onward.end();
  });
  server.on('connect', (asking: IncomingMessage, socket) => {
    asked.push(`CONNECT ${asking.url}`);
    if (!allowed(asking)) return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    const [host = '', port] = (asking.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    for (const end of [onward, socket]) end.on('error', () => end.destroy());
    t.after(() => onward.destroy());
  });
  return { url: await listening(t, server), asked };
}
