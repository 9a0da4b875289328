//! How a simulated payment platform is set up.

use crate::credentials;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Options {
    pub partner_code: String,
    pub secret: String,
    pub init_path: String,
    pub query_path: String,
    pub bill_path: String,
    /// When set, `Authorization: Bearer <this>` is required (an LGSP in front of the platform).
    pub bearer: Option<String>,
    /// Wrap every answer as `{"error_code":"0","message":"<JSON text>"}`.
    pub adapter_envelope: bool,
    /// Where results are posted; settable later. Without it nothing is sent.
    pub callback_url: Option<String>,
    /// \[GUESS\] Callbacks are repeated so often until the answer says MaLoi 00.
    pub callback_attempts: u32,
    /// \[GUESS\] Wait before the second attempt; doubled each time.
    pub callback_backoff: Duration,
    /// \[GUESS\] The callback's LoaiBanTin.
    pub callback_kind: String,
    /// Pay every opened reference after this delay.
    pub auto_pay: Option<Duration>,
    /// The address that citizens' browsers see; default: the listener's.
    pub public_url: Option<String>,
    /// The bank named in callbacks and answers.
    pub bank: String,
    /// GET_BILL answers the PDF itself instead of JSON with `UrlBienLai`.
    pub bill_as_pdf: bool,
    /// \[GUESS\] MaLoi for a reference used before with other content, or no longer open.
    pub conflict_code: String,
    /// \[GUESS\] MaLoi when ThoiGianGD is not that of the INIT.
    pub mismatch_code: String,
    /// \[GUESS\] MaLoi for an unknown reference.
    pub unknown_code: String,
    /// \[GUESS\] MaLoi of a bill asked for before payment.
    pub unpaid_code: String,
    /// \[GUESS\] MaLoi for a wrong MaXacThuc.
    pub signature_code: String,
    /// MaLoi for everything else, and the result of a failed payment.
    pub other_code: String,
    /// Keep whole requests and answers in the journal.
    pub keep_bodies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            partner_code: credentials::PAYMENT_PARTNER.to_owned(),
            secret: credentials::PAYMENT_SECRET.to_owned(),
            init_path: "/init".to_owned(),
            query_path: "/query".to_owned(),
            bill_path: "/bill".to_owned(),
            bearer: None,
            adapter_envelope: false,
            callback_url: None,
            callback_attempts: 5,
            callback_backoff: Duration::from_millis(200),
            callback_kind: "CONFIRM".to_owned(),
            auto_pay: None,
            public_url: None,
            bank: "VIETCOMBANK".to_owned(),
            bill_as_pdf: false,
            conflict_code: "01".to_owned(),
            mismatch_code: "02".to_owned(),
            unknown_code: "04".to_owned(),
            unpaid_code: "05".to_owned(),
            signature_code: "97".to_owned(),
            other_code: "99".to_owned(),
            keep_bodies: true,
        }
    }
}
