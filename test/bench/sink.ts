import { createServer } from 'node:http';

// Slack's address for answers, which takes them all.

const server = createServer((request, response) => {
  request.resume().once('end', () => response.end('ok'));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.once('disconnect', () => process.exit());
