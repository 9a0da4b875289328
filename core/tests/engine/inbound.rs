//! What a partner sends by itself: stored before it is read, told once, answered whatever happens in between; files that
//! hold nothing up.

use async_trait::async_trait;
use jiff::SignedDuration;
use lienthong_core::{
    event::canonical,
    flow::{
        engine::{Engine, EngineSettings},
        inbound::{self, Admission},
        schedule,
    },
    id::ConnectorId,
    outcome::{Cause, Outcome},
    plan::rules::PartnerKind,
    policy::backoff::Schedule,
    port::{
        connector::{Call, CallbackAnswer, CallbackRequest, CheckFailure, Connector, Manifest, Task},
        inbound::{
            Became, Fetched, FileIn, FileSource, FileState, Inbound, InboundRequest, InboundResult,
            InboundStore, Item, Known, Message, NotFetched, RequestFilter, Said, Unread,
        },
        store::{Door, RawCallback, Store, StoreError},
    },
    testing::{ManualClock, MemoryStore, fixtures},
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

use crate::world::{rules, settings};

/// A partner whose requests are lists of `{code, kind, content, file?}`.
struct Partner {
    manifest: Manifest,
    fetches: Mutex<VecDeque<Result<Fetched, NotFetched>>>,
}

#[async_trait]
impl Connector for Partner {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }
    async fn attempt(&self, _: &Task, _: &Call<'_>) -> Outcome {
        Outcome::not_done(Cause::Internal, "nothing is sent here")
    }
    async fn check(&self, _: &Call<'_>) -> Result<String, CheckFailure> {
        Ok(String::new())
    }
    fn inbound(&self) -> Option<&dyn Inbound> {
        Some(self)
    }
}

#[async_trait]
impl Inbound for Partner {
    fn has(&self, path: &str) -> bool {
        path != "nowhere"
    }
    fn largest_body(&self) -> usize {
        1000
    }
    fn secret_headers(&self) -> Vec<String> {
        vec!["x-sender".into()]
    }
    fn admit(&self, request: &InboundRequest) -> Result<(), String> {
        let is_known =
            request.http.headers.iter().any(|(name, value)| name == "x-sender" && value == "secret");
        if is_known { Ok(()) } else { Err("not known".into()) }
    }
    fn read(&self, request: &InboundRequest) -> Result<Said, Unread> {
        if request.http.path == "ask" {
            return Ok(Said::Question(String::from_utf8_lossy(&request.http.body).into_owned()));
        }
        let rows: Vec<Value> =
            serde_json::from_slice(&request.http.body).map_err(|e| Unread::Unparsable(e.to_string()))?;
        Ok(Said::News(rows.iter().map(item).collect()))
    }
    fn answer(&self, _: &InboundRequest, result: &InboundResult) -> CallbackAnswer {
        let (status, body) = match result {
            InboundResult::Taken(became) => {
                let words: Vec<String> = became.iter().map(|(code, b)| format!("{code} {b:?}")).collect();
                (200, words.join(", "))
            }
            InboundResult::Found(state, ..) => (200, format!("{:?}", state.status)),
            InboundResult::NotFound => (200, "unknown".into()),
            InboundResult::Unread(unread) => (500, format!("{unread:?}")),
            InboundResult::Refused => (401, String::new()),
            InboundResult::TooLarge => (413, String::new()),
            InboundResult::Unavailable => (503, String::new()),
        };
        CallbackAnswer { status, content_type: "text/plain", body }
    }
    async fn fetch(&self, _: &str, _: &Call<'_>) -> Result<Fetched, NotFetched> {
        self.fetches.lock().unwrap().pop_front().unwrap()
    }
}

fn item(row: &Value) -> Item {
    let (code, kind) = (row["code"].as_str().unwrap(), row["kind"].as_str().unwrap());
    if kind == "faulty" {
        return Item::Faulty { subject: code.into(), said: "no".into() };
    }
    let file = row["file"].as_str().map(|address| FileIn {
        at: Some("/doc".into()),
        name: "a.pdf".into(),
        source: FileSource::Address(address.into()),
    });
    Item::Message(Box::new(Message {
        identity: format!("{kind}:{code}"),
        hash: canonical::hash(row),
        name: if kind == "submitted" { "portal.dossier_submitted" } else { "tax.notice_received" },
        subject: code.into(),
        known: match kind {
            "submitted" => Known::Nothing,
            "amended" => Known::DossierOr(format!("submitted:{code}")),
            _ => Known::Dossier,
        },
        unit: None,
        data: json!({"content": row["content"], "doc": {}}),
        files: file.into_iter().collect(),
    }))
}

struct Hall {
    engine: Arc<Engine>,
    store: MemoryStore,
    clock: ManualClock,
    door: Arc<Partner>,
}

const CODE: &str = "G22.99-261122-000001";

impl Hall {
    fn open() -> Self {
        let (clock, manifest) = (ManualClock::default(), fixtures::manifest("dvcqg", PartnerKind::Portal));
        let store = MemoryStore::new(clock.clone());
        let door = Arc::new(Partner { manifest, fetches: Mutex::default() });
        let settings = EngineSettings {
            public_url: Some("https://lt.vn".into()),
            retry: Schedule::from_seconds(&[60, 60]),
            ..settings()
        };
        let engine = Engine::new(
            Arc::new(store.clone()),
            rules(),
            vec![door.clone()],
            Arc::new(clock.clone()),
            settings,
        );
        Self { engine, store, clock, door }
    }

    async fn send(&self, path: &str, body: &Value) -> (u16, String) {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        let answer = inbound::receive(&self.engine, &dvcqg(), request(path, body.into_bytes())).await;
        (answer.status, answer.body)
    }

    async fn told(&self) -> Vec<(String, Value)> {
        let rows = self.store.outbox(0, 100).await.unwrap();
        rows.iter().map(|row| (row.subject.clone(), serde_json::from_str(&row.data).unwrap())).collect()
    }

    fn verdicts(&self) -> Vec<Option<String>> {
        self.store.callbacks().into_iter().map(|stored| stored.verdict).collect()
    }

    async fn timers(&self, seconds: i64) {
        // Timers are created due; their first round only creates them.
        schedule::round(&self.engine, &CancellationToken::new()).await.unwrap();
        self.clock.advance(SignedDuration::from_secs(seconds));
        schedule::round(&self.engine, &CancellationToken::new()).await.unwrap();
    }
}

fn dvcqg() -> ConnectorId {
    ConnectorId::parse("dvcqg").unwrap()
}

fn request(path: &str, body: Vec<u8>) -> InboundRequest {
    let headers = vec![("x-sender".into(), "secret".into()), ("charset".into(), "utf-8".into())];
    InboundRequest {
        peer: None,
        http: CallbackRequest { path: path.into(), query: "a=1".into(), headers, body },
    }
}

fn row(kind: &str, content: &str) -> Value {
    json!({"code": CODE, "kind": kind, "content": content})
}

#[tokio::test]
async fn what_comes_is_stored_without_secrets_told_once_and_a_repeat_is_a_repeat() {
    let hall = Hall::open();
    let told = format!("{CODE} {:?}", Became::Told);
    assert_eq!(hall.send("new", &json!([row("submitted", "a")])).await, (200, told));
    // The answer was lost: the same again is answered as a repeat, and nothing is told again.
    let repeated = format!("{CODE} {:?}", Became::Repeated);
    assert_eq!(hall.send("new", &json!([row("submitted", "a")])).await, (200, repeated));
    assert_eq!(hall.told().await.len(), 1);
    assert_eq!(hall.verdicts(), [Some("told".into()), Some("repeated".into())]);
    let raw = &hall.store.callbacks()[0].raw;
    assert_eq!((raw.path.as_str(), raw.headers.as_str()), ("new?a=1", r#"{"charset":"utf-8"}"#));
}

#[tokio::test]
async fn two_identical_requests_at_once_tell_once() {
    let hall = Hall::open();
    let body = json!([row("submitted", "a")]);
    let both = tokio::join!(hall.send("new", &body), hall.send("new", &body));
    let mut answers = [both.0.1, both.1.1];
    answers.sort();
    assert_eq!(answers, [format!("{CODE} Repeated"), format!("{CODE} Told")]);
    assert_eq!(hall.told().await.len(), 1);
}

#[tokio::test]
async fn another_content_under_the_same_code_is_an_incident_and_overwrites_nothing() {
    let hall = Hall::open();
    hall.send("new", &json!([row("submitted", "a")])).await;
    for _ in 0..2 {
        let answer = hall.send("new", &json!([row("submitted", "b")])).await;
        assert_eq!(answer.1, format!("{CODE} Conflict"));
    }
    let told = hall.told().await;
    assert_eq!((told.len(), &told[0].1["content"]), (1, &json!("a")));
    let incidents: Vec<_> = hall.store.incidents().into_iter().map(|i| i.key).collect();
    assert_eq!(incidents, [format!("inbound:dvcqg:submitted:{CODE}")]);
    assert_eq!(hall.send("new", &json!([row("submitted", "a")])).await.1, format!("{CODE} Repeated"));
}

#[tokio::test]
async fn while_the_store_is_down_the_partner_has_to_repeat_and_a_lost_commit_answer_tells_once() {
    let hall = Hall::open();
    let body = json!([row("submitted", "a")]);
    hall.store.set_down(true);
    assert_eq!(hall.send("new", &body).await.0, 503);
    hall.store.set_down(false);
    assert!(hall.told().await.is_empty());
    hall.store.fail_next(StoreError::Unavailable("cut".into()));
    assert_eq!(hall.send("new", &body).await.0, 503);
    // Stored, and then the process died: what was stored says nothing, the repeat does everything.
    let raw = RawCallback {
        connector: dvcqg(),
        door: Door::Inbound,
        path: "new".into(),
        headers: "{}".into(),
        body: body.to_string().into_bytes(),
    };
    hall.store.keep_callback(&raw).await.unwrap();
    let answer = hall.send("new", &body).await.1;
    assert_eq!(answer, format!("{CODE} Told"));
    // Committed, but the answer was lost on its way to us.
    let other = json!([{"code": "G22.99-261122-000002", "kind": "submitted", "content": "b"}]);
    hall.store.lose_next_answer();
    assert_eq!(hall.send("new", &other).await.0, 503);
    assert!(hall.send("new", &other).await.1.ends_with("Repeated"));
    assert_eq!(hall.told().await.len(), 2);
}

#[tokio::test]
async fn parts_about_dossiers_that_are_not_known_do_not_stop_the_others() {
    let hall = Hall::open();
    let known = fixtures::nth_code(1).to_string();
    let event = fixtures::events::event("dossier.received", &known, 1);
    lienthong_core::flow::intake::admit(&hall.engine, vec![event.message()]).await.unwrap();
    let before = hall.told().await.len();
    let body = json!([
        {"code": "000.00.09.H99-261122-0009", "kind": "notice", "content": "x"},
        {"code": "000.00.09.H99-261122-0010", "kind": "faulty"},
        {"code": known, "kind": "notice", "content": "y"},
    ]);
    let answer = hall.send("tax", &body).await.1;
    assert!(
        answer.contains("0009 Unknown")
            && answer.contains("Faulty")
            && answer.contains(&format!("{known} Told")),
        "{answer}"
    );
    let told = hall.told().await;
    assert_eq!((told.len() - before, told.last().unwrap().0.as_str()), (1, known.as_str()));
    let verdict = hall.verdicts()[0].clone().unwrap();
    assert!(verdict.starts_with("partly: ") && verdict.contains("0009 (unknown)"), "{verdict}");
    // What amends something that began here is known by that.
    assert_eq!(hall.send("new", &json!([row("amended", "a")])).await.1, format!("{CODE} Unknown"));
    hall.send("new", &json!([row("submitted", "a")])).await;
    assert_eq!(hall.send("new", &json!([row("amended", "a")])).await.1, format!("{CODE} Told"));
    assert_eq!(hall.send("ask", &json!(known)).await.1, "Some(Received)");
    assert_eq!(hall.send("ask", &json!(CODE)).await.1, "unknown", "told, but not handled here yet");
}

#[tokio::test]
async fn nobody_who_is_not_believed_gets_anything_read_or_stored() {
    let hall = Hall::open();
    let mut stranger = request("new", Vec::new());
    stranger.http.headers.clear();
    let admission = inbound::admit(&hall.engine, &dvcqg(), &stranger);
    assert!(matches!(admission, Admission::Refused(answer) if answer.status == 401));
    let friend = inbound::admit(&hall.engine, &dvcqg(), &request("new", Vec::new()));
    assert!(matches!(friend, Admission::Welcome(1000)));
    let nowhere = inbound::admit(&hall.engine, &dvcqg(), &request("nowhere", Vec::new()));
    assert!(matches!(nowhere, Admission::Nowhere));
    assert!(hall.store.callbacks().is_empty());
    assert_eq!(hall.send("new", &json!("{")).await.0, 500);
    assert!(hall.verdicts()[0].as_deref().unwrap().starts_with("unread: "));
}

#[tokio::test]
async fn a_file_that_cannot_be_fetched_holds_nothing_up_and_says_how_it_stands() {
    let hall = Hall::open();
    let again = || Err(NotFetched { said: "HTTP 500".into(), is_final: false });
    let fetched = Fetched { content: b"%PDF-".to_vec(), media_type: "application/pdf" };
    hall.door.fetches.lock().unwrap().extend([again(), Ok(fetched)]);
    let mut body = row("submitted", "a");
    body["file"] = json!("http://x/1");
    assert_eq!(hall.send("new", &json!([body])).await.1, format!("{CODE} Told"));
    let told = hall.told().await;
    let file = &told[0].1["files"][0];
    let id = file["id"].as_i64().unwrap();
    assert_eq!(
        (file["state"].as_str(), file["url"].as_str()),
        (Some("waiting"), Some(&*format!("https://lt.vn/v1/files/{id}")))
    );
    assert_eq!(told[0].1["doc"]["url"], file["url"]);

    hall.timers(10).await;
    let (record, content) = hall.store.file(id).await.unwrap().unwrap();
    assert_eq!(
        (record.state, record.tries, record.said.as_str(), content),
        (FileState::Waiting, 1, "HTTP 500", None)
    );
    hall.timers(10).await;
    assert_eq!(hall.store.file(id).await.unwrap().unwrap().0.tries, 1, "not before its time");
    hall.timers(120).await;
    let (record, content) = hall.store.file(id).await.unwrap().unwrap();
    assert_eq!((record.state, content), (FileState::Stored, Some(b"%PDF-".to_vec())));
    let filter = RequestFilter { limit: 10, ..RequestFilter::default() };
    let listed = hall.store.inbound_requests(&filter).await.unwrap();
    assert_eq!((listed[0].files.len(), listed[0].told.len()), (1, 1));
}

#[tokio::test]
async fn a_file_that_never_comes_or_may_not_be_taken_ends() {
    for (failures, is_final, ended) in [(3, false, FileState::Failed), (1, true, FileState::Refused)] {
        let hall = Hall::open();
        let failure = NotFetched { said: "no".into(), is_final };
        hall.door.fetches.lock().unwrap().extend(vec![Err(failure); failures]);
        let mut body = row("submitted", "a");
        body["file"] = json!("http://x/1");
        hall.send("new", &json!([body])).await;
        for _ in 0..5 {
            hall.timers(120).await;
        }
        let id = hall.told().await[0].1["files"][0]["id"].as_i64().unwrap();
        let (record, _) = hall.store.file(id).await.unwrap().unwrap();
        assert_eq!((record.state, record.said.as_str()), (ended, "no"));
        assert!(hall.door.fetches.lock().unwrap().is_empty());
    }
}
