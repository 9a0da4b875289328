//! What the types cannot say: values that contradict each other, names twice, ranges. Pure; each complaint names the
//! key, the value and the remedy.

use std::collections::{BTreeMap, BTreeSet};

use super::{Config, Connector, Problem, StoreKind, vendor};

/// Everything that is wrong, in the order of the file's sections.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    installation(config, &mut found);
    store(config, &mut found);
    broker(config, &mut found);
    http(config, &mut found);
    engine(config, &mut found);
    reconcile(config, &mut found);
    retention(config, &mut found);
    index(config, &mut found);
    units(config, &mut found);
    beneficiaries(config, &mut found);
    connectors(config, &mut found);
    vendor::problems(config, &mut found);
    found
}

fn index(config: &Config, found: &mut Vec<Problem>) {
    if let Err((key, said)) = config.calendar.weeks() {
        found.push(Problem::new(
            &key,
            said,
            "Viết ca làm việc như \"07:30-11:30\", các ca trong ngày không chồng nhau.\nWrite shifts like \
             \"07:30-11:30\", without overlaps.",
        ));
    }
    if !(0..=366).contains(&config.calendar.ahead_days) {
        found.push(range("calendar.ahead_days", config.calendar.ahead_days, "0", "366"));
    }
    if !(1..=86_400).contains(&config.index.refresh_seconds) {
        found.push(range("index.refresh_seconds", config.index.refresh_seconds, "1", "86400"));
    }
    if !(1..=100).contains(&config.index.rules.digitised_target_percent) {
        let percent = config.index.rules.digitised_target_percent;
        found.push(range("index.rules.digitised_target_percent", percent, "1", "100"));
    }
    let sheet = &config.sheet;
    if !sheet.at.is_empty() && sheet.at.parse::<jiff::civil::Time>().is_err() {
        found.push(range("sheet.at", &sheet.at, "00:00", "23:59"));
    }
    if !(1..=3660).contains(&sheet.keep_days) {
        found.push(range("sheet.keep_days", sheet.keep_days, "1", "3660"));
    }
    let [soon, next] = sheet.due_hours;
    if !(1..=1000).contains(&soon) || !(soon..=1000).contains(&next) {
        found.push(range("sheet.due_hours", format!("[{soon}, {next}]"), "1", "1000"));
    }
}

fn installation(config: &Config, found: &mut Vec<Problem>) {
    let name = &config.installation.name;
    let is_good = (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    if !is_good {
        found.push(Problem::new(
            "installation.name",
            format!("{name:?} không dùng được trong địa chỉ nguồn sự kiện."),
            "Dùng 1-40 chữ cái không dấu, chữ số, dấu chấm, gạch nối, ví dụ \"h99\".\nUse 1-40 ASCII letters, digits, \
             dots, hyphens, such as \"h99\".",
        ));
    }
}

fn store(config: &Config, found: &mut Vec<Problem>) {
    let store = &config.store;
    both(found, "store.url", store.url.is_some(), store.url_file.is_some());
    let has_url = store.url.is_some() || store.url_file.is_some();
    match store.kind {
        StoreKind::Postgres if !has_url => found.push(Problem::new(
            "store.kind",
            "\"postgres\" cần địa chỉ cơ sở dữ liệu.",
            "Thêm store.url_file (hoặc store.url), ví dụ postgres://lienthong:…@may-chu/lienthong.\nAdd store.url_file \
             or store.url.",
        )),
        StoreKind::Sqlite if has_url => found.push(Problem::new(
            "store.url",
            "\"sqlite\" nằm trong installation.data_dir, không có địa chỉ.",
            "Bỏ store.url và store.url_file, hoặc đặt store.kind = \"postgres\".\nRemove store.url and store.url_file, \
             or set store.kind = \"postgres\".",
        )),
        StoreKind::Postgres | StoreKind::Sqlite => {}
    }
    if store.max_connections.is_some_and(|n| !(2..=200).contains(&n)) {
        found.push(range("store.max_connections", store.max_connections.unwrap_or(0), "2", "200"));
    }
    if store.statement_seconds.is_some_and(|n| !(2..=300).contains(&n)) {
        found.push(range("store.statement_seconds", store.statement_seconds.unwrap_or(0), "2", "300"));
    }
}

fn broker(config: &Config, found: &mut Vec<Problem>) {
    let Some(broker) = &config.broker else { return };
    both(found, "broker.url", broker.url.is_some(), broker.url_file.is_some());
    if broker.url.is_none() && broker.url_file.is_none() {
        found.push(Problem::new(
            "broker.url",
            "thiếu địa chỉ RabbitMQ.",
            "Thêm broker.url_file (hoặc broker.url), ví dụ amqp://lienthong:…@may-chu:5672/%2f; không dùng RabbitMQ thì bỏ \
             cả mục [broker].\nAdd broker.url_file or broker.url, or remove the section [broker].",
        ));
    }
    if broker.prefetch == 0 {
        found.push(Problem::new(
            "broker.prefetch",
            "0 nghĩa là không giới hạn: RabbitMQ sẽ dồn cả hàng đợi sang một lần.",
            "Đặt 100 đến 5000; mặc định 1000.\nSet 100 to 5000; the default is 1000.",
        ));
    }
    for (key, value) in [
        ("broker.exchange_in", &broker.exchange_in),
        ("broker.exchange_out", &broker.exchange_out),
        ("broker.queue", &broker.queue),
        ("broker.dead_exchange", &broker.dead_exchange),
        ("broker.dead_queue", &broker.dead_queue),
    ] {
        if value.is_empty() || value.len() > 127 || value.starts_with("amq.") {
            found.push(Problem::new(
                key,
                format!("{value:?} không phải tên dùng được trong RabbitMQ."),
                "Dùng 1-127 ký tự, không bắt đầu bằng \"amq.\".\nUse 1-127 characters not beginning with \"amq.\".",
            ));
        }
    }
    if broker.queue == broker.dead_queue {
        found.push(Problem::new(
            "broker.dead_queue",
            format!("trùng với broker.queue ({:?}): thông điệp hỏng sẽ quay vòng.", broker.queue),
            "Đặt tên khác, ví dụ \"lienthong.dead\".\nUse another name, such as \"lienthong.dead\".",
        ));
    }
    if broker.bindings.is_empty() {
        found.push(Problem::new(
            "broker.bindings",
            "danh sách rỗng: hàng đợi sẽ không nhận được gì.",
            "Để [\"#\"] để nhận tất cả.\nUse [\"#\"] to take everything.",
        ));
    }
}

fn http(config: &Config, found: &mut Vec<Problem>) {
    let http = &config.http;
    both(found, "http.token_secret", http.token_secret.is_some(), http.token_secret_file.is_some());
    let has_secret = http.token_secret.is_some() || http.token_secret_file.is_some();
    if !http.listen.ip().is_loopback() && !has_secret {
        found.push(Problem::new(
            "http.listen",
            format!("{} mở ra mạng nhưng chưa có http.token_secret_file.", http.listen),
            "Tạo bí mật: `openssl rand -hex 32 > token-secret` (chmod 600), rồi đặt http.token_secret_file; hoặc chỉ \
             nghe trên 127.0.0.1.\nConfigure http.token_secret_file (32 characters or more), or listen on 127.0.0.1.",
        ));
    }
    if let Some(url) = &http.public_url {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|r| r.is_empty() || r.contains(['?', '#', ' '])) || url.ends_with('/') {
            found.push(Problem::new(
                "http.public_url",
                format!("{url:?} không phải địa chỉ gốc dùng được."),
                "Viết như https://lienthong.tinh.gov.vn, không có dấu / ở cuối.\nWrite it like \
                 https://lienthong.tinh.gov.vn, without a slash at the end.",
            ));
        }
    }
}

fn engine(config: &Config, found: &mut Vec<Problem>) {
    let engine = &config.engine;
    if !(1..=1000).contains(&engine.batch) {
        found.push(range("engine.batch", engine.batch, "1", "1000"));
    }
    if engine.ahead_ms > 1000 {
        found.push(range("engine.ahead_ms", engine.ahead_ms, "0", "1000"));
    }
    if !(10..=60_000).contains(&engine.poll_ms) {
        found.push(range("engine.poll_ms", engine.poll_ms, "10", "60000"));
    }
    if !(100..=600_000).contains(&engine.lease_margin_ms) {
        found.push(range("engine.lease_margin_ms", engine.lease_margin_ms, "100", "600000"));
    }
    if !(1_024..=16_777_216).contains(&engine.max_message_bytes) {
        found.push(range("engine.max_message_bytes", engine.max_message_bytes, "1024", "16777216"));
    }
    if !(1..=365).contains(&engine.fresh_payment_days) {
        found.push(range("engine.fresh_payment_days", engine.fresh_payment_days, "1", "365"));
    }
    for (key, value) in [
        ("engine.sweep_seconds", engine.sweep_seconds),
        ("engine.tracking_seconds", engine.tracking_seconds),
        ("engine.test_seconds", engine.test_seconds),
        ("engine.stop_seconds", engine.stop_seconds),
        ("engine.test_longest_seconds", engine.test_longest_seconds),
        ("engine.failure_minimum", u64::from(engine.failure_minimum)),
        ("engine.failure_window_seconds", engine.failure_window_seconds),
        ("engine.setbacks_to_pause", u64::from(engine.setbacks_to_pause)),
        ("engine.ramp_step_seconds", engine.ramp_step_seconds),
    ] {
        if !(1..=86_400).contains(&value) {
            found.push(range(key, value, "1", "86400"));
        }
    }
    let at = &engine.catalogue_at;
    if !at.is_empty() && at.parse::<jiff::civil::Time>().is_err() {
        found.push(range("engine.catalogue_at", at, "00:00", "23:59"));
    }
    for percent in std::iter::once(&engine.failure_percent).chain(&engine.ramp_percent) {
        if !(1..=100).contains(percent) {
            let key = if engine.ramp_percent.contains(percent) { "ramp_percent" } else { "failure_percent" };
            found.push(range(&format!("engine.{key}"), percent, "1", "100"));
        }
    }
}

fn reconcile(config: &Config, found: &mut Vec<Problem>) {
    let reconcile = &config.reconcile;
    if !(60..=86_400).contains(&reconcile.every_seconds) {
        found.push(range("reconcile.every_seconds", reconcile.every_seconds, "60", "86400"));
    }
    if !(0.01..=100.0).contains(&reconcile.per_second) {
        found.push(range("reconcile.per_second", reconcile.per_second, "0.01", "100"));
    }
    if !(1..=100).contains(&reconcile.share_percent) {
        found.push(range("reconcile.share_percent", reconcile.share_percent, "1", "100"));
    }
    let (from, until) = (&reconcile.night_from, &reconcile.night_until);
    for (key, at) in [("reconcile.night_from", from), ("reconcile.night_until", until)] {
        if !(from.is_empty() && until.is_empty()) && at.parse::<jiff::civil::Time>().is_err() {
            found.push(range(key, at, "00:00", "23:59"));
        }
    }
}

/// Out-events may be read late, and a partner or a one-stop system may tell again what it told weeks ago.
fn retention(config: &Config, found: &mut Vec<Problem>) {
    let retention = &config.retention;
    for (_, name, days) in retention.days() {
        if days != 0 && !(30..=36_500).contains(&days) {
            found.push(range(&format!("retention.{name}"), days, "30", "36500"));
        }
    }
    let (versions, events) = (retention.versions_days, retention.events_days);
    if events != 0 && versions > events {
        found.push(Problem::new(
            "retention.versions_days",
            format!("{versions} lâu hơn retention.events_days ({events}): các phiên bản cũ được tìm theo sự kiện."),
            "Đặt không lâu hơn events_days, hoặc 0 để giữ mãi.\nSet at most events_days, or 0 to keep them for ever.",
        ));
    }
}

fn units(config: &Config, found: &mut Vec<Problem>) {
    let mut seen = BTreeMap::new();
    for (i, unit) in config.units.iter().enumerate() {
        for code in std::iter::once(&unit.code).chain(&unit.aliases) {
            if let Some(first) = seen.insert(code.clone(), i) {
                found.push(Problem::new(
                    format!("unit[{i}].code"),
                    format!("mã {code} đã thuộc về đơn vị thứ {}.", first + 1),
                    "Mỗi mã (kể cả mã khác trong aliases) chỉ thuộc một đơn vị.\nEach code, aliases included, belongs to \
                     one unit.",
                ));
            }
        }
        if let (Some(from), Some(until)) = (unit.from, unit.until)
            && from > until
        {
            found.push(Problem::new(
                format!("unit[{i}].until"),
                format!("{until} trước ngày bắt đầu {from}."),
                "Sửa lại ngày.\nMend the dates.",
            ));
        }
    }
}

fn beneficiaries(config: &Config, found: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (i, beneficiary) in config.beneficiaries.iter().enumerate() {
        if !seen.insert(&beneficiary.name) {
            found.push(twice(format!("beneficiary[{i}].name"), &beneficiary.name));
        }
        let account = &beneficiary.account;
        if account.is_empty() || !account.bytes().all(|b| b.is_ascii_alphanumeric()) {
            found.push(Problem::new(
                format!("beneficiary[{i}].account"),
                format!("{account:?} không phải số tài khoản."),
                "Chỉ dùng chữ số và chữ cái, không dấu cách.\nUse digits and letters only.",
            ));
        }
    }
}

fn connectors(config: &Config, found: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (i, connector) in config.connectors.iter().enumerate() {
        if !seen.insert(&connector.id) {
            found.push(twice(format!("connector[{i}].id"), connector.id.as_str()));
        }
        let given =
            [connector.dvcqg.is_some(), connector.dvcqg_payment.is_some(), connector.vnpost.is_some()];
        let count = given.into_iter().filter(|g| *g).count();
        if count != 1 {
            found.push(Problem::new(
                format!("connector[{i}]"),
                format!("{} có {count} bảng cấu hình đối tác, phải có đúng một.", connector.id),
                "Giữ một trong [connector.dvcqg], [connector.dvcqg_payment], [connector.vnpost] ngay dưới [[connector]] \
                 của nó.\nKeep exactly one of the three tables below its [[connector]].",
            ));
        }
        if connector.in_flight.is_some_and(|n| !(1..=1000).contains(&n)) {
            found.push(range(
                &format!("connector[{i}].in_flight"),
                connector.in_flight.unwrap_or(0),
                "1",
                "1000",
            ));
        }
        limits(i, connector, found);
    }
}

/// What holds for all processes together, and when nothing is sent.
fn limits(i: usize, connector: &Connector, found: &mut Vec<Problem>) {
    let key = |name: &str| format!("connector[{i}].{name}");
    if let Some(total) = connector.in_flight_total.filter(|n| !(1..=10_000).contains(n)) {
        found.push(range(&key("in_flight_total"), total, "1", "10000"));
    }
    if let Some(rate) = connector.rate_per_second.filter(|n| !(0.01..=10_000.0).contains(n)) {
        found.push(range(&key("rate_per_second"), rate, "0.01", "10000"));
    }
    if let Some(burst) = connector.burst.filter(|n| !(1..=10_000).contains(n)) {
        found.push(range(&key("burst"), burst, "1", "10000"));
    }
    if connector.burst.is_some() && connector.rate_per_second.is_none() {
        found.push(Problem::new(
            key("burst"),
            "burst chỉ có nghĩa cùng với rate_per_second.",
            "Đặt thêm rate_per_second, hoặc bỏ burst.\nSet rate_per_second too, or remove burst.",
        ));
    }
    for (n, window) in connector.maintenance.iter().enumerate() {
        if let Err(text) = window.read() {
            found.push(Problem::new(
                key(&format!("maintenance[{n}]")),
                format!("{text:?} không phải thời điểm dùng được ở đây."),
                "Hằng tuần: days = [\"sat\"], from = \"22:00\", until = \"23:30\". Một lần: from = \"2026-12-01T20:00\", \
                 until = \"2026-12-02T06:00\", until sau from.\nWeekly with days and times of day, or once with two \
                 moments, until after from.",
            ));
        }
    }
}

fn both(found: &mut Vec<Problem>, key: &str, has_value: bool, has_file: bool) {
    if has_value && has_file {
        found.push(Problem::new(
            key,
            format!("cho cả {key} lẫn {key}_file."),
            format!("Chỉ giữ một, tốt nhất là {key}_file.\nKeep one of the two, best {key}_file."),
        ));
    }
}

fn twice(key: String, value: &str) -> Problem {
    Problem::new(key, format!("{value:?} có hai lần."), "Đặt tên khác nhau.\nUse different names.")
}

fn range(key: &str, value: impl std::fmt::Display, lowest: &str, highest: &str) -> Problem {
    Problem::new(
        key,
        format!("{value} ngoài khoảng {lowest}-{highest}."),
        format!("Đặt một số từ {lowest} đến {highest}.\nSet a number from {lowest} to {highest}."),
    )
}
