/** As much of raw-socket as is used. */
declare module 'raw-socket' {
  interface Socket {
    on(event: 'message', take: (packet: Buffer, source: string) => void): this;
    on(event: 'error', take: (e: Error) => void): this;
    send(b: Buffer, offset: number, length: number, to: string, done: (e: Error | null) => void): void;
  }
  export const AddressFamily: { readonly IPv4: 1; readonly IPv6: 2 };
  export function createSocket(options: { protocol: number; addressFamily: number; bufferSize?: number }): Socket;
}
