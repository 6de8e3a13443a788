// A Vendure shop in memory, for tests: `node server.js PORT`, with the packages of package.json found by NODE_PATH.
const { bootstrap, defaultConfig, LanguageCode, dummyPaymentHandler } = require('@vendure/core');

const text = name => ({ name, type: 'string', nullable: true, public: false, length: 500 });

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
  dbConnectionOptions: { type: 'better-sqlite3', database: ':memory:', synchronize: true },
  paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
  customFields: {
    Customer: [
      ...['pick1Sku', 'pick1Title', 'pick1Url', 'pick1Reason', 'segment', 'nextPurchaseOn', 'valueBand', 'model'].map(text),
      { name: 'picksUpdatedAt', type: 'datetime', nullable: true, public: false },
      { name: 'pickScore', type: 'float', nullable: true, public: false },
      { name: 'shortNote', type: 'string', nullable: true, public: false, length: 20 },
    ],
  },
  logger: { log() {}, info() {}, warn: console.error, error: console.error, verbose() {}, debug() {} },
}).then(() => console.log('ready'), error => { console.error(error); process.exit(1); });
