//! The obvious test credentials shared by every simulator's default options.
//! None of these is, or resembles, a real key.

pub const PORTAL_USERNAME: &str = "000.00.00.H99";
pub const PORTAL_PASSWORD: &str = "TEST-PASSWORD";
pub const PORTAL_UNIT: &str = "000.00.00.H99";
pub const PORTAL_DSTCODE: &str = "VN:GOV:000.00.00.G22:vpcpdvcprovider";
pub const PAYMENT_PARTNER: &str = "TESTPARTNER";
pub const PAYMENT_SECRET: &str = "TEST-HASH-KEY";
pub const POST_CUSTOMER_KEY: &str = "TEST-CUSTOMER-KEY";
pub const POST_SECRET_KEY: &str = "TEST-SECRET-KEY";
pub const POST_CUSTOMER_CODE: &str = "TEST-CUSTOMER";
