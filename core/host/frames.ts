/** The form of messages to an agent, and of what it answers; agent.pl has the other half. */

/** The bytes before an answer's own: a letter, the id, how many follow. */
const HEAD = 9;

/** Fields as a message; `more` bytes of one more field are to follow. */
export function framed(fields: readonly string[], more?: number): Buffer {
  const bytes = fields.map((field) => Buffer.from(field));
  const size = bytes.reduce((sum, { length }) => sum + 4 + length, 4);
  const message = Buffer.allocUnsafe(more === undefined ? size : size + 4);
  let at = message.writeUInt32BE(message.length - 4 + (more ?? 0));
  for (const field of bytes) {
    at = message.writeUInt32BE(field.length, at);
    at += field.copy(message, at);
  }
  if (more !== undefined) message.writeUInt32BE(more, at);
  return message;
}

/** The fields that were packed into one. */
export function unpacked(bytes: Buffer): readonly Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** Takes answers out of what arrives, however it was cut. */
export function parser(answer: (letter: string, id: number, bytes: Buffer) => void): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const all = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let at = 0;
    while (all.length - at >= HEAD) {
      const end = at + HEAD + all.readUInt32BE(at + 5);
      if (end > all.length) break;
      answer(String.fromCharCode(all[at]!), all.readUInt32BE(at + 1), all.subarray(at + HEAD, end)); // HEAD is there
      at = end;
    }
    rest = all.subarray(at);
  };
}
