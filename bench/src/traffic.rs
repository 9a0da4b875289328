//! Events as a one-stop system publishes them, about a kilobyte each.

use serde_json::{Value, json};

/// An event, ready to be published.
#[derive(Debug, Clone)]
pub struct Event {
    /// For de-duplication.
    pub id: String,
    /// The dossier.
    pub subject: String,
    /// `{unit}.{rest of type}`.
    pub routing_key: String,
    /// The whole event, structured mode.
    pub body: String,
}

/// Units that the engine's configuration knows.
pub const UNITS: usize = 14;

/// The code of a unit.
pub fn unit(number: usize) -> String {
    format!("000.00.{:02}.H99", number % UNITS + 1)
}

/// New dossiers, each with one event that plans one operation.
pub fn submissions(from: usize, count: usize) -> Vec<Event> {
    (from..from + count)
        .map(|n| event(n, 1, "dossier.submitted", json!({ "snapshot": "full", "dossier": dossier(n) })))
        .collect()
}

/// What a payment of [`fees`] comes to, in đồng.
pub const FEE: i64 = 8_000;

/// The beneficiary of [`fees`], which the engine's configuration approves.
pub const BENEFICIARY: &str = "KB-BENCH";

/// New dossiers, each with one event that asks for a fee.
pub fn fees(from: usize, count: usize) -> Vec<Event> {
    (from..from + count)
        .map(|n| {
            let mut dossier = dossier(n);
            let line = json!({ "kind": "fee", "code": "LP01", "name": "Lệ phí hộ tịch", "amount": FEE });
            let (mut fee, mut paid) = (line.clone(), line);
            (fee["id"], fee["collected_on"], paid["fee_id"]) =
                (json!("LP01"), json!("reception"), json!("LP01"));
            dossier["fees"] = json!([fee]);
            let payment = json!({ "id": format!("TT-{}-1", code(n)), "purpose": "fee", "lines": [paid],
                "payer": { "name": "Trần Thị Mẫu", "id_number": "080099000001", "address": "Ấp 1, xã Mẫu" },
                "beneficiary_code": BENEFICIARY, "description": "Lệ phí hộ tịch" });
            let data = json!({ "snapshot": "full", "dossier": dossier, "step": step(2, "Yêu cầu nộp lệ phí"),
                "payment": payment });
            event(n, 1, "dossier.fee_requested", data)
        })
        .collect()
}

/// How many events a life of [`lives`] has.
pub const EVENTS_OF_A_LIFE: usize = 7;

/// How many operations they plan: a state for each but those of the processing after the first, a step for each but the
/// first.
pub const OPERATIONS_OF_A_LIFE: usize = 11;

/// Whole lives on the national portal, interleaved as on a working day: several events of a dossier wait at once.
pub fn lives(from: usize, dossiers: usize) -> Vec<Event> {
    /// So many dossiers move at the same time.
    const AT_ONCE: usize = 40;
    let all: Vec<usize> = (from..from + dossiers).collect();
    all.chunks(AT_ONCE)
        .flat_map(|block| {
            (1..=EVENTS_OF_A_LIFE).flat_map(move |place| block.iter().map(move |n| of_a_life(*n, place)))
        })
        .collect()
}

fn of_a_life(n: usize, place: usize) -> Event {
    let whole = |name, content: &str| {
        event(
            n,
            place,
            name,
            json!({ "snapshot": "full", "dossier": dossier(n), "step": step(place, content) }),
        )
    };
    let only = |name, content: &str| event(n, place, name, json!({ "step": step(place, content) }));
    let with = |name, content: &str, field: &str| {
        let fields = json!({ field: moment(place) });
        event(n, place, name, json!({ "dossier": fields, "step": step(place, content) }))
    };
    match place {
        1 => event(n, place, "dossier.submitted", json!({ "snapshot": "full", "dossier": dossier(n) })),
        2 => whole("dossier.received", "Tiếp nhận hồ sơ"),
        3 => only("dossier.processing", "Phân công thụ lý"),
        4 => only("dossier.processing", "Thẩm định hồ sơ"),
        5 => only("dossier.processing", "Trình lãnh đạo ký"),
        6 => with("dossier.finished", "Đã có kết quả", "finished_at"),
        _ => with("dossier.returned", "Đã trả kết quả", "returned_at"),
    }
}

fn moment(place: usize) -> String {
    format!("2026-11-22T08:{place:02}:00+07:00")
}

fn step(place: usize, content: &str) -> Value {
    json!({ "at": moment(place), "officer": "Lê Văn Mẫu", "title": "", "department": "Bộ phận một cửa", "content": content })
}

/// The code of a dossier.
pub fn code(n: usize) -> String {
    format!("{}-261122-{n:07}", unit(n))
}

fn event(n: usize, place: usize, name: &str, data: Value) -> Event {
    let (subject, unit) = (code(n), unit(n));
    let id = format!("{subject}-{place}");
    let body = json!({
        "specversion": "1.0", "id": id, "source": format!("/motcua/{unit}"), "type": format!("vn.motcua.{name}.v1"),
        "subject": subject, "time": moment(place), "sequence": place.to_string(), "datacontenttype": "application/json",
        "data": data,
    });
    Event { id, subject, routing_key: format!("{unit}.{name}"), body: body.to_string() }
}

fn dossier(n: usize) -> Value {
    json!({
        "code": code(n),
        "procedure": { "code": "1.001193", "name": "Đăng ký khai sinh", "field_code": "G15-TP01", "field_name": "Hộ tịch" },
        "unit": { "code": unit(n), "name": "UBND xã Mẫu" },
        "applicant": { "kind": "citizen", "name": "Trần Thị Mẫu", "id": { "kind": "citizen_id", "number": "080099000001" },
            "phone": "0900000001", "email": "", "address": "Ấp 1, xã Mẫu", "portal_account": "", "vneid_verified": true },
        "channel": "counter", "origin": "local", "summary": "Đăng ký khai sinh cho con", "note": "",
        "receipt_no": format!("{n:06}"), "submitted_at": moment(1), "received_at": moment(2),
        "due_at": "2026-11-25T17:00:00+07:00", "return_by": "desk",
        "documents": [{ "id": "501", "name": "to-khai.pdf", "component_code": "GT-01",
            "url": "https://motcua.example.gov.vn/files/501", "deleted": false, "digitised": true, "reused": "no",
            "from_national_store": false }],
    })
}
