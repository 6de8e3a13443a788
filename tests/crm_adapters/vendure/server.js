// A Vendure shop for tests: `node server.js PORT DATABASE`, with the packages of package.json found by NODE_PATH.
// DATABASE is a file of SQLite, or :memory:.
const { bootstrap, defaultConfig, dummyPaymentHandler, JobQueueService } = require('@vendure/core');

const own = { nullable: true, public: false };
const text = name => ({ name, type: 'string', length: 500, ...own });
const picks = [1, 2, 3].flatMap(rank => ['id', 'sku', 'title', 'url', 'reason'].map(word => `recommended_${rank}_${word}`));

bootstrap({
  ...defaultConfig,
  apiOptions: {
    port: Number(process.argv[2]),
    hostname: '127.0.0.1',
    adminApiPath: 'admin-api',
    shopApiPath: 'shop-api',
    adminListQueryLimit: 1000,
  },
  authOptions: {
    tokenMethod: ['bearer'],
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
  },
  dbConnectionOptions: { type: 'better-sqlite3', database: process.argv[3], synchronize: true },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  customFields: {
    Customer: [
      ...[...picks, 'segment', 'next_purchase_on', 'value_band'].map(text),
      { name: 'picked_at', type: 'datetime', ...own },
      { name: 'shortNote', type: 'string', length: 20, ...own },
      { name: 'pickScore', type: 'float', ...own },
      { name: 'picksUpdatedAt', type: 'datetime', ...own },
      { name: 'newsletter', type: 'boolean', defaultValue: false, public: false },
    ],
  },
  logger: { log() {}, info() {}, warn() {}, error: console.error, verbose() {}, debug() {} },
}).then(async app => {
  await app.get(JobQueueService).start(); // which fills collections
  console.log('ready');
}).catch(error => { console.error(error); process.exit(1); });
