//! The configuration of the fictitious province H99 that `tools/traffic.py` writes of, as a text: units, sources,
//! beneficiaries, the three partners.

use std::fmt::Write;

use lienthong_mocks::{Suite, credentials as known};

/// The payment connector, whose name is part of its callback address.
pub const PAYMENTS: &str = "dvcqg-payment";

/// The header by which the adapter knows the portal, and its value.
pub const SENDER: (&str, &str) = ("x-adapter-secret", "TEST-SECRET-OF-THE-ADAPTER");

/// What differs from test to test.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// How many operations may be with one partner at once.
    pub permits: usize,
    /// How long one call may take. Leases, and with them the time until a killed process is missed, follow from it.
    pub call_timeout_ms: u64,
    /// How often open payments are asked about.
    pub sweep_seconds: u64,
    /// How often what the index counts is brought up to date.
    pub index_seconds: u64,
    /// From which time of day on the day's sheet is kept.
    pub sheet_at: &'static str,
    /// Whether the portal is asked what it has, soon after anything ended; else only by hand, and only about what is old.
    pub reconcile: bool,
    /// How long PostgreSQL lets a statement run; none: as the program has it.
    pub statement_seconds: Option<u64>,
    /// How dossiers that were born on the portal are kept in step.
    pub portal_born: &'static str,
    /// How many messages RabbitMQ hands over before the first of them is acknowledged.
    pub prefetch: u16,
    /// Further sections, as they stand in the file.
    pub further: String,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            permits: 8,
            call_timeout_ms: 2_500,
            sweep_seconds: 2,
            index_seconds: 900,
            sheet_at: "07:30",
            reconcile: false,
            statement_seconds: None,
            portal_born: "full",
            prefetch: 1000,
            further: String::new(),
        }
    }
}

/// Where things are.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The data folder.
    pub folder: String,
    /// PostgreSQL; none: embedded.
    pub database: Option<String>,
    /// RabbitMQ and a suffix for the names there; none: HTTP only.
    pub broker: Option<(String, String)>,
    /// The partners, where they are not reached directly.
    pub partners: Option<Partners>,
}

/// The addresses of the partners, as the adapter knows them.
#[derive(Debug, Clone)]
pub struct Partners {
    pub portal: String,
    pub payments: String,
    pub post: String,
}

impl Partners {
    /// Without anything in between.
    pub fn of(suite: &Suite) -> Self {
        Self { portal: suite.portal.url(), payments: suite.payments.url(), post: suite.post.url() }
    }
}

impl Places {
    /// The exchange that one-stop systems publish to.
    pub fn exchange_in(&self) -> String {
        self.broker.as_ref().map_or_else(String::new, |(_, suffix)| format!("motcua.events.{suffix}"))
    }

    /// The exchange that results go to.
    pub fn exchange_out(&self) -> String {
        self.broker.as_ref().map_or_else(String::new, |(_, suffix)| format!("lienthong.events.{suffix}"))
    }

    /// The adapter's queue.
    pub fn queue(&self) -> String {
        self.broker.as_ref().map_or_else(String::new, |(_, suffix)| format!("lienthong.intake.{suffix}"))
    }

    /// The exchange for what RabbitMQ gives up, and the queue behind it.
    pub fn dead_exchange(&self) -> String {
        self.broker.as_ref().map_or_else(String::new, |(_, suffix)| format!("lienthong.dead.{suffix}"))
    }
}

/// The whole configuration file.
pub fn configuration(places: &Places, suite: &Suite, tuning: &Tuning) -> String {
    let mut text = String::new();
    write_into(&mut text, places, suite, tuning).expect("writing into a text");
    text
}

fn write_into(text: &mut String, places: &Places, suite: &Suite, tuning: &Tuning) -> std::fmt::Result {
    let Tuning {
        permits,
        call_timeout_ms,
        sweep_seconds,
        index_seconds,
        sheet_at,
        reconcile,
        statement_seconds,
        prefetch,
        further,
        ..
    } = tuning;
    let partners = places.partners.clone().unwrap_or_else(|| Partners::of(suite));
    writeln!(text, "[installation]\nname = \"h99\"\nlabel = \"Tỉnh Mẫu\"\ndata_dir = {:?}\n", places.folder)?;
    match &places.database {
        Some(url) => {
            writeln!(text, "[store]\nkind = \"postgres\"\nurl = {url:?}")?;
            if let Some(seconds) = statement_seconds {
                writeln!(text, "statement_seconds = {seconds}")?;
            }
        }
        None => writeln!(text, "[store]\nkind = \"sqlite\"\n")?,
    }
    if let Some((url, _)) = &places.broker {
        let dead = places.dead_exchange();
        writeln!(
            text,
            "[broker]\nurl = {url:?}\nexchange_in = {:?}\nexchange_out = {:?}\nqueue = {:?}\n\
             dead_exchange = {dead:?}\ndead_queue = {dead:?}\nprefetch = {prefetch}\n",
            places.exchange_in(),
            places.exchange_out(),
            places.queue(),
        )?;
    }
    // Short rests between attempts, and far more of them than any test needs: what waits must not become stuck.
    let retries = vec!["1"; 900].join(",");
    writeln!(
        text,
        "[http]\nlisten = \"127.0.0.1:0\"\n\n[engine]\npoll_ms = 100\nlease_margin_ms = 500\n\
         sweep_seconds = {sweep_seconds}\ntracking_seconds = 1\ntest_seconds = 1\ntest_longest_seconds = 2\n\
         ramp_step_seconds = 1\nstop_seconds = 10\n\
         retry_seconds = [{retries}]\n\n[index]\nrefresh_seconds = {index_seconds}\n\n[sheet]\nat = {sheet_at:?}\n",
    )?;
    let rest = if *reconcile { 1 } else { 86_400 };
    writeln!(
        text,
        "[reconcile]\nnight_from = \"\"\nnight_until = \"\"\nper_second = 50\nrest_seconds = {rest}\n"
    )?;
    for number in 1..=14 {
        let code = format!("000.00.{number:02}.H99");
        writeln!(
            text,
            "[[source]]\npattern = \"/motcua/{code}\"\nunits = [\"{code}\"]\n\
             [[unit]]\ncode = \"{code}\"\nname = \"Đơn vị {number}\"\n\
             [[beneficiary]]\nname = \"KB-{code}\"\naccount = \"35110990000{number:02}\"\nbank_bin = \"970436\"\n\
             bank_code = \"VCB\"\nholder = \"Kho bạc {number}\"\n",
        )?;
    }
    let calls = format!("call_timeout_ms = {call_timeout_ms}\nmin_write_ms = 100\nsettling_seconds = 1\n");
    writeln!(
        text,
        "[[connector]]\nid = \"dvcqg\"\nlabel = \"Cổng DVC quốc gia\"\nin_flight = {permits}\n[connector.dvcqg]\n\
         portal_born = \"{}\"\nadapter_url = \"{}\"\nusername = \"{}\"\npassword = \"{}\"\nmadonvi = \"{}\"\ndstcode = \"{}\"\n{calls}\
         lookup_fields = {{ status = \"TRANGTHAIHOSO\", code = \"MAHOSO\" }}\n\
         [connector.dvcqg.catalogue]\nper_minute = 6000\n\
         [connector.dvcqg.inbound]\nsecret_header = {:?}\nsecret = {:?}\n",
        tuning.portal_born,
        partners.portal,
        known::PORTAL_USERNAME,
        known::PORTAL_PASSWORD,
        known::PORTAL_UNIT,
        known::PORTAL_DSTCODE,
        SENDER.0,
        SENDER.1,
    )?;
    let payments = &partners.payments;
    writeln!(
        text,
        "[[connector]]\nid = \"{PAYMENTS}\"\nlabel = \"Thanh toán\"\nin_flight = {permits}\n[connector.dvcqg_payment]\n\
         init_url = \"{payments}/init\"\nquery_url = \"{payments}/query\"\npartner_code = \"{}\"\nsecret = \"{}\"\n{calls}",
        known::PAYMENT_PARTNER,
        known::PAYMENT_SECRET,
    )?;
    let post = &partners.post;
    writeln!(
        text,
        "[[connector]]\nid = \"vnpost\"\nlabel = \"Bưu điện\"\nin_flight = {permits}\n[connector.vnpost]\n\
         token_url = \"{post}/token\"\norder_url = \"{post}/order/post\"\ncancel_url = \"{post}/order/cancel\"\n\
         tracking_url = \"{post}/order/tracking\"\ncustomer_key = \"{}\"\nsecret_key = \"{}\"\ncustomer_code = \"{}\"\n\
         status_meanings = {{ 1 = \"accepted\", 2 = \"moving\", 4 = \"delivered\" }}\nprovinces = {{ 99 = 99 }}\n{calls}\
         [connector.vnpost.sender]\nname = \"Trung tâm Phục vụ hành chính công\"\nphone = \"0270000000\"\n\
         address = \"Số 1, đường Mẫu\"\nprovince = 99\ndistrict = 9901\n[connector.vnpost.wards]",
        known::POST_CUSTOMER_KEY,
        known::POST_SECRET_KEY,
        known::POST_CUSTOMER_CODE,
    )?;
    // The contract's examples send to ward 99001, the traffic to 99010 to 99021.
    for ward in [99_001].into_iter().chain(99_010..=99_021) {
        writeln!(text, "{ward} = {{ province = 99, district = {} }}", 9901 + ward % 4)?;
    }
    writeln!(text, "\n{further}")
}
