//! Views with fixed answers: nothing at all, or a province in the middle of a working day with everything that can go
//! wrong. One file, so that pages can be looked at in a browser with the same rows.

use async_trait::async_trait;
use lienthong_core::{
    id::ConnectorId,
    outcome::Cause,
    policy::health::{Phase, Trouble},
    port::{
        store::{ConnectorCondition, LedgerState, StoreError},
        views::{
            AttemptView, EditView, EventView, IncidentView, LaneCount, LaneFilter, LaneView, OperationFilter,
            OperationView, Overview, ParcelView, PartnerCount, PaymentView, QuarantineView, ReferenceView,
            Timeline, UnitCount, Views,
        },
        work::LedgerDelta,
    },
};

/// The moment at which everything is looked at.
pub const NOW_US: i64 = 1_795_314_180_000_000;
const MINUTE: i64 = 60_000_000;
/// The dossier with a timeline.
pub const CODE: &str = "000.00.08.H99-261122-0001";

/// The views.
#[derive(Debug, Clone)]
pub struct Fake {
    pub overview: Overview,
    pub timeline: Option<Timeline>,
    pub operations: Vec<OperationView>,
    pub attempts: Vec<AttemptView>,
    pub quarantine: Vec<QuarantineView>,
    pub is_down: bool,
}

impl Fake {
    fn answer<T>(&self, value: T) -> Result<T, StoreError> {
        if self.is_down { Err(StoreError::Unavailable("down".into())) } else { Ok(value) }
    }
}

#[async_trait]
impl Views for Fake {
    async fn overview(&self, _: i64) -> Result<Overview, StoreError> {
        self.answer(self.overview.clone())
    }
    async fn timeline(&self, code: &str) -> Result<Option<Timeline>, StoreError> {
        self.answer(self.timeline.clone().filter(|t| t.code == code || t.aliases.iter().any(|a| a == code)))
    }
    async fn operations(&self, f: &OperationFilter) -> Result<Vec<OperationView>, StoreError> {
        let fits = |o: &&OperationView| {
            let same =
                |wanted: &Option<String>, has: Option<&str>| wanted.is_none() || wanted.as_deref() == has;
            same(&f.connector, Some(&o.connector))
                && same(&f.action, Some(&o.action))
                && same(&f.unit, o.unit.as_deref())
                && same(&f.cause, o.cause.as_deref())
                && same(&f.need, o.need.as_deref())
                && f.state.is_none_or(|s| s.name() == o.state)
                && (!f.open_only || o.ended_us.is_none())
                && o.id > f.after
        };
        self.answer(self.operations.iter().filter(fits).take(f.limit as usize).cloned().collect())
    }
    async fn operation(
        &self,
        id: i64,
    ) -> Result<Option<(OperationView, Vec<AttemptView>, Option<String>)>, StoreError> {
        let attempts: Vec<_> = self.attempts.iter().filter(|a| a.operation == id).cloned().collect();
        let state = self.timeline.as_ref().map(|t| t.state.clone());
        self.answer(self.operations.iter().find(|o| o.id == id).map(|o| (o.clone(), attempts, state)))
    }
    async fn lanes(&self, f: &LaneFilter) -> Result<Vec<LaneView>, StoreError> {
        let blocked = |o: &&OperationView| o.ended_us.is_none() && o.is_head;
        let lane = |o: &OperationView| LaneView {
            id: o.id + 1_000,
            connector: o.connector.clone(),
            key: o.lane.clone(),
            state: o.state.clone(),
            since_us: o.created_us,
            due_us: o.due_us,
            behind: 2,
            head: Some(o.clone()),
        };
        let mut lanes: Vec<LaneView> = self.operations.iter().filter(blocked).map(lane).collect();
        lanes.sort_by_key(LaneView::place);
        lanes.retain(|l| {
            f.id.is_none_or(|id| id == l.id)
                && f.connector.as_ref().is_none_or(|c| *c == l.connector)
                && f.state.is_none_or(|s| s.name() == l.state)
                && f.after.is_none_or(|after| l.place() > Some(after))
        });
        lanes.truncate(f.limit as usize);
        self.answer(lanes)
    }
    async fn edits(&self, operations: &[i64]) -> Result<Vec<EditView>, StoreError> {
        let edit = |operation: &i64| EditView {
            operation: *operation,
            number: 1,
            at_us: NOW_US - MINUTE,
            actor: "an.tran".into(),
            reason: "theo phiếu 12".into(),
            before: r#"{"fields":{"applicant":{"phone":"0900000001"},"summary":"cũ"}}"#.into(),
            after: r#"{"fields":{"applicant":{"phone":"0900000002"},"summary":"<b>mới</b>"}}"#.into(),
        };
        let of = |id: &&i64| self.operations.iter().any(|o| o.id == **id && o.edits > 0);
        self.answer(operations.iter().filter(of).map(edit).collect())
    }
    async fn quarantine(&self, after: i64, limit: i64) -> Result<Vec<QuarantineView>, StoreError> {
        self.answer(self.quarantine.iter().filter(|q| q.id > after).take(limit as usize).cloned().collect())
    }
    async fn quarantine_entry(&self, id: i64) -> Result<Option<QuarantineView>, StoreError> {
        self.answer(self.quarantine.iter().find(|q| q.id == id).cloned())
    }
}

/// Nothing has happened yet.
pub fn empty() -> Fake {
    Fake {
        overview: Overview {
            now_us: NOW_US,
            partners: Vec::new(),
            lanes: Vec::new(),
            units: Vec::new(),
            incidents: Vec::new(),
            conditions: Vec::new(),
            ledgers: LedgerState::default(),
            quarantine_open: 0,
            dossiers: 0,
            outbox_highest: 0,
            outbox_waiting: 0,
        },
        timeline: None,
        operations: Vec::new(),
        attempts: Vec::new(),
        quarantine: Vec::new(),
        is_down: false,
    }
}

fn operation(id: i64, connector: &str, action: &str, state: &str) -> OperationView {
    let is_ended = matches!(state, "succeeded" | "refused" | "superseded" | "dismissed");
    OperationView {
        id,
        connector: connector.into(),
        action: action.into(),
        lane: CODE.into(),
        position: id - 100,
        is_head: state != "ready",
        subject: Some(CODE.into()),
        unit: Some("000.00.08.H99".into()),
        version: Some(1),
        state: state.into(),
        need: None,
        cause: None,
        said: None,
        edits: i32::from(id == 102),
        begun: false,
        attempts: i32::from(is_ended),
        due_us: NOW_US + 7 * MINUTE,
        created_us: NOW_US - (300 - (id - 100) * 20) * MINUTE,
        ended_us: is_ended.then_some(NOW_US - (299 - (id - 100) * 20) * MINUTE),
        superseded_by: None,
        decided_by: None,
        payload: "{\"action\":\"sync_dossier\"}".into(),
        proof: None,
        event: 1,
    }
}

fn operations() -> Vec<OperationView> {
    let steps = r#"{"action":"append_progress","steps":[{"at":"2026-11-22T01:05:00Z","officer":"Lê Văn Mẫu","content":"Tiếp nhận hồ sơ, hẹn gọi 0900000001","status":2}]}"#;
    let pay = r#"{"action":"open_payment","amount":8000,"reference":"LTABCDEFGHJKLMNPQRSTUVWXY","payment":{"id":"TT-1","payer":{"name":"Trần Thị Mẫu","id_number":"080099000001","phone":"0900000001"}}}"#;
    vec![
        OperationView {
            proof: Some(r#"{"said":"00 Thành công","facts":{"mode":"create"}}"#.into()),
            ..operation(101, "dvcqg", "sync_dossier", "succeeded")
        },
        OperationView {
            cause: Some("data_refused".into()),
            said: Some(
                "03: Trường NgayHenTra không hợp lệ <script>alert(1)</script>, liên hệ 0900000001".into(),
            ),
            attempts: 1,
            payload: steps.into(),
            ..operation(102, "dvcqg", "append_progress", "stuck")
        },
        operation(103, "dvcqg", "append_progress", "ready"),
        OperationView { payload: pay.into(), ..operation(104, "dvcqg-payment", "open_payment", "succeeded") },
        OperationView {
            need: Some("mapping:vnpost:ward:99001".into()),
            lane: format!("BG-{CODE}-1"),
            ..operation(105, "vnpost", "create_parcel", "held")
        },
        OperationView {
            cause: Some("no_answer".into()),
            said: Some("không trả lời sau 30 s".into()),
            subject: Some("000.00.09.H99-261121-0007".into()),
            unit: Some("000.00.09.H99".into()),
            attempts: 2,
            ..operation(106, "dvcqg", "sync_dossier", "doubtful")
        },
        OperationView {
            superseded_by: Some(101),
            decided_by: Some("an.tran: làm lại theo phiếu 12".into()),
            ..operation(107, "dvcqg", "sync_dossier", "superseded")
        },
    ]
}

fn attempt(operation: i64, number: i32, outcome: &str, cause: Option<&str>, said: &str) -> AttemptView {
    let started_us = NOW_US - (280 - i64::from(number) * 30) * MINUTE;
    AttemptView {
        operation,
        number,
        started_us,
        ended_us: Some(started_us + 840_000),
        outcome: Some(outcome.into()),
        cause: cause.map(Into::into),
        said: Some(said.into()),
        holder: "may-1:3f2a".into(),
    }
}

fn attempts() -> Vec<AttemptView> {
    vec![
        attempt(101, 1, "done", None, "00 Thành công"),
        attempt(102, 1, "unclear", Some("no_answer"), "không trả lời sau 30 s"),
        attempt(102, 2, "not_done", Some("partner_failed"), "HTTP 503 Service Unavailable"),
        attempt(102, 3, "refused", Some("data_refused"), "03: Trường NgayHenTra không hợp lệ"),
        AttemptView { ended_us: None, outcome: None, ..attempt(106, 1, "", None, "") },
    ]
}

fn event(row: i64, name: &str, minutes_ago: i64, planned: i32, content: &str) -> EventView {
    let at_us = NOW_US - minutes_ago * MINUTE;
    EventView {
        row,
        source: "/motcua/000.00.08.H99".into(),
        id: format!("{CODE}-{row}"),
        name: name.into(),
        sequence: Some(row),
        late: row == 3,
        at_us,
        received_us: at_us + row * 40_000_000,
        planned,
        note: (planned == 0).then(|| "recorded".into()),
        body: format!(
            r#"{{"id":"{row}","data":{{"step":{{"officer":"Lê Văn Mẫu","content":"{content}"}},
            "dossier":{{"applicant":{{"name":"Trần Thị Mẫu","phone":"0900000001","id":{{"number":"080099000001"}}}}}}}}}}"#
        ),
    }
}

fn timeline() -> Timeline {
    Timeline {
        code: CODE.into(),
        aliases: vec!["G22.99-261122-000001".into()],
        known: true,
        unit: Some("000.00.08.H99".into()),
        version: 3,
        state: format!(
            r#"{{"code":"{CODE}","status":4,"fields":{{"procedure":{{"code":"1.001193","name":"Đăng ký khai sinh"}},
            "unit":{{"code":"000.00.08.H99","name":"UBND xã Mẫu"}},"summary":"Đăng ký khai sinh cho con",
            "applicant":{{"name":"Trần Thị Mẫu","phone":"0900000001","id":{{"kind":"citizen_id","number":"080099000001"}}}},
            "received_at":"2026-11-22T08:05:00+07:00","due_at":"2026-11-25T17:00:00+07:00"}}}}"#
        ),
        events: vec![
            event(1, "dossier.received", 300, 2, "Tiếp nhận hồ sơ"),
            event(2, "fee.requested", 240, 1, ""),
            event(3, "dossier.processing", 200, 1, "Chuyển công chức tư pháp xử lý"),
            event(4, "post.return_requested", 150, 1, ""),
            event(5, "survey.answered", 60, 0, ""),
        ],
        operations: operations().into_iter().filter(|o| o.subject.as_deref() == Some(CODE)).collect(),
        attempts: attempts(),
        payments: vec![PaymentView {
            id: format!("TT-{CODE}-1"),
            connector: "dvcqg-payment".into(),
            amount: 8_000,
            state: "paid".into(),
            updated_us: NOW_US - 190 * MINUTE,
            references: vec![
                ReferenceView {
                    reference: "LTABCDEFGHJKLMNPQRSTUVWXY".into(),
                    state: 3,
                    pay_url: Some("https://thanhtoan.example.gov.vn/p/1".into()),
                    platform_ref: Some("2611220001".into()),
                    paid_us: Some(NOW_US - 191 * MINUTE),
                },
                ReferenceView {
                    reference: "LTZZZZZZZHJKLMNPQRSTUVWXY".into(),
                    state: 4,
                    pay_url: Some("javascript:alert(1)".into()),
                    platform_ref: None,
                    paid_us: None,
                },
            ],
        }],
        parcels: vec![ParcelView {
            id: format!("BG-{CODE}-1"),
            connector: "vnpost".into(),
            order_number: format!("BG-{CODE}-1"),
            direction: "return".into(),
            state: "moving".into(),
            item_code: Some("EH123456789VN".into()),
            moved_us: Some(NOW_US - 30 * MINUTE),
            last_move: Some("Đang vận chuyển, Bưu cục 990000".into()),
            updated_us: NOW_US - 29 * MINUTE,
        }],
    }
}

fn entry(id: i64, reason: &str, path: &str, expected: &str, got: &str) -> QuarantineView {
    QuarantineView {
        id,
        received_us: NOW_US - id * 9 * MINUTE,
        origin: "amqp".into(),
        source: Some("/motcua/000.00.08.H99".into()),
        event_id: Some(format!("{CODE}-q{id}")),
        subject: Some(CODE.into()),
        event_type: Some("vn.motcua.dossier.received.v1".into()),
        reason: reason.into(),
        path: path.into(),
        expected: expected.into(),
        got: got.into(),
        closed_us: None,
        closed_by: None,
        closed_because: None,
        raw: format!(r#"{{"id":"q{id}","data":{{"note":"<b>0900000001</b>"}}}}"#).into_bytes(),
    }
}

fn count(connector: &str, action: &str, state: &str, operations: i64) -> PartnerCount {
    PartnerCount { connector: connector.into(), action: action.into(), state: state.into(), operations }
}

fn lane(connector: &str, state: &str, lanes: i64, minutes: i64) -> LaneCount {
    let oldest_us = Some(NOW_US - minutes * MINUTE);
    LaneCount { connector: connector.into(), state: state.into(), lanes, oldest_us }
}

fn unit(code: &str, events: i64, sent: i64, waiting: i64, stuck: i64) -> UnitCount {
    UnitCount { unit: code.into(), events, sent, waiting, stuck }
}

fn incident(id: i64, key: &str, connector: Option<&str>, waiting: i64) -> IncidentView {
    IncidentView {
        id,
        key: key.into(),
        connector: connector.map(Into::into),
        said: "due 8000, the platform says 80000".into(),
        opened_us: NOW_US - id * 47 * MINUTE,
        waiting,
    }
}

/// A working day with everything in it.
pub fn rich() -> Fake {
    let mut fake = empty();
    let snapshots =
        (0..5).map(|n| incident(10 + n, &format!("snapshot:000.00.11.H99-261120-000{n}"), Some("dvcqg"), 4));
    fake.overview = Overview {
        partners: vec![
            count("dvcqg", "sync_dossier", "succeeded", 1_284),
            count("dvcqg", "append_progress", "succeeded", 3_071),
            count("dvcqg", "append_progress", "ready", 212),
            count("dvcqg", "append_progress", "stuck", 1),
            count("dvcqg", "sync_dossier", "held", 20),
            count("dvcqg", "sync_dossier", "doubtful", 3),
            count("dvcqg-payment", "open_payment", "succeeded", 402),
            count("vnpost", "create_parcel", "succeeded", 118),
            count("vnpost", "create_parcel", "ready", 57),
            count("vnpost", "create_parcel", "held", 6),
        ],
        lanes: vec![
            lane("dvcqg", "ready", 190, 12),
            lane("dvcqg", "stuck", 1, 260),
            lane("vnpost", "ready", 57, 133),
        ],
        units: vec![
            unit("000.00.08.H99", 812, 1_630, 96, 3),
            unit("000.00.09.H99", 455, 902, 51, 0),
            unit("000.00.11.H99", 231, 428, 12, 20),
            unit("", 2, 0, 0, 0),
        ],
        incidents: vec![
            incident(1, "mapping:vnpost:ward:99001", Some("vnpost"), 6),
            incident(2, "pause:vnpost", Some("vnpost"), 57),
            incident(3, &format!("amount:TT-{CODE}-1"), Some("dvcqg-payment"), 0),
        ]
        .into_iter()
        .chain(snapshots)
        .collect(),
        conditions: ConnectorId::parse("vnpost")
            .map(|connector| {
                let since = jiff::Timestamp::from_microsecond(NOW_US - 133 * MINUTE).unwrap_or_default();
                let (cause, said) = (Cause::Unreachable, "connection refused".into());
                let trouble = Trouble { since, cause, said, trials: 4 };
                let phase = Phase::Open { trouble, trial_at: since };
                ConnectorCondition { phase, ..ConnectorCondition::works(connector) }
            })
            .into_iter()
            .collect(),
        ledgers: LedgerState {
            total: LedgerDelta {
                received: 41_022,
                admitted: 40_811,
                duplicate: 208,
                quarantined: 3,
                planned: 61_440,
                succeeded: 61_103,
                refused: 2,
                superseded: 31,
                dismissed: 5,
            },
            open: 299,
        },
        quarantine_open: 3,
        dossiers: 5_303,
        outbox_highest: 812,
        outbox_waiting: 22,
        ..fake.overview
    };
    fake.timeline = Some(timeline());
    fake.operations = operations();
    fake.attempts = attempts();
    fake.quarantine = vec![
        entry(1, "data", "/data/dossier/applicant/phone", "số điện thoại dạng chữ", "\"0900000001\""),
        entry(
            2,
            "unit_not_allowed",
            "/data/dossier/unit/code",
            "một đơn vị mà nguồn được nói thay",
            "000.00.12.H99",
        ),
        entry(3, "subject", "/subject", "mã hồ sơ {đơn vị}-{yyMMdd}-{số}", "<i>HS 12</i>"),
    ];
    fake
}
