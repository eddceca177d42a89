import { App, HTTPReceiver } from '@slack/bolt';

// The least that a Slack app can do with Bolt: it acknowledges, and does nothing. Argument: the signing secret.

const [signingSecret = ''] = process.argv.slice(2);
const receiver = new HTTPReceiver({ signingSecret });
const app = new App({ receiver, authorize: async () => ({ botToken: 'xoxb-1' }) });
app.command(/^/, async ({ ack }) => ack());
app.action(/^/, async ({ ack }) => ack());
const address = (await receiver.start({ port: 0, host: '127.0.0.1' })).address();
process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
process.once('disconnect', () => process.exit());
