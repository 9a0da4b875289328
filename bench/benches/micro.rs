//! Single steps of an event's way, alone: reading, planning, mapping, signing, claiming, settling. For regressions that the
//! noise of whole runs hides. PostgreSQL only where `LIENTHONG_TEST_PG` names a throwaway server.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a benchmark stops at what it did not expect")]

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::SignedDuration;
use lienthong_connectors::{dvcqg, dvcqg_payment};
use lienthong_core::{
    event::{RawMessage, envelope},
    flow::settle::{self, Assignment, Settled, Settlement},
    id::ConnectorId,
    lane::LaneState,
    operation::Payload,
    outcome::{Outcome, Proof},
    plan::{
        admit::{self, Incoming},
        rules::{ConnectorRule, PartnerKind, Rules},
    },
    policy::{backoff::Schedule, health::HealthSettings},
    port::{
        connector::{CallbackRequest, Task},
        ids::IdBlock,
        store::{Store, decide},
        work::{Scan, Scope, Work},
    },
    testing::fixtures::{self, events},
};
use lienthong_store_postgres::PostgresStore;
use lienthong_store_sqlite::SqliteStore;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::runtime::Runtime;

/// As many as the engine takes at once.
const BATCH: u32 = 200;
const LARGEST: usize = 1 << 20;
const PORTAL: &str = "dvcqg";

fn portal() -> ConnectorId {
    fixtures::connector(PORTAL)
}

fn rules() -> Rules {
    let manifest = fixtures::manifest(PORTAL, PartnerKind::Portal);
    let rule = ConnectorRule {
        id: manifest.id,
        kind: manifest.kind,
        actions: manifest.actions.into_keys().collect(),
        probes: [].into(),
        settling: manifest.settling_window,
        person_after_doubt: manifest.person_after_doubt,
        routes: Vec::new(),
    };
    Rules { connectors: vec![rule], ..Rules::default() }
}

fn message(name: &str, number: u32) -> RawMessage {
    events::event(name, fixtures::nth_code(number).as_str(), 1).message()
}

/// A batch of new dossiers, read.
fn batch(from: u32, rules: &Rules) -> Vec<Incoming> {
    let incoming = |number| {
        let message = message("dossier.submitted", number);
        Incoming { origin: message.origin, read: envelope::read(&message, rules, LARGEST), raw: message.body }
    };
    (from..from + BATCH).map(incoming).collect()
}

/// From bytes to an event that is valid.
fn reading(c: &mut Criterion) {
    let (rules, mut group) = (rules(), c.benchmark_group("read an event"));
    for name in ["dossier.submitted", "dossier.processing", "dossier.fee_requested"] {
        let message = message(name, 1);
        let with_payments =
            Rules { beneficiaries: [(format!("KB-{}", fixtures::UNIT), account())].into(), ..rules.clone() };
        assert!(envelope::read(&message, &with_payments, LARGEST).is_ok());
        group.throughput(Throughput::Bytes(message.body.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| envelope::read(black_box(&message), &with_payments, LARGEST));
        });
    }
    group.finish();
}

fn account() -> lienthong_core::event::data::Account {
    serde_json::from_value(json!({ "account": "3511099000008", "bank_bin": "970436", "bank_code": "VCB",
        "holder": "Kho bạc Nhà nước khu vực Mẫu" }))
    .unwrap()
}

/// From events to what there is to do, in memory.
fn planning(c: &mut Criterion) {
    let rules = rules();
    let batch = batch(0, &rules);
    let scope = admit::scope(&batch);
    let empty = || Work::new(fixtures::morning(600), scope.clone(), Arc::new(IdBlock::new(1..100_000)));
    let mut work = empty();
    admit::admit(&mut work, &rules, &batch);
    assert!(!work.is_incomplete() && work.touched.len() == BATCH as usize);
    let mut group = c.benchmark_group("plan");
    group.throughput(Throughput::Elements(u64::from(BATCH)));
    group.bench_function("200 new dossiers", |b| {
        b.iter_batched_ref(
            empty,
            |work| admit::admit(work, &rules, &batch),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// From a dossier to what the portal is sent.
fn mapping(c: &mut Criterion) {
    let config: dvcqg::Config = serde_json::from_value(json!({ "adapter_url": "http://127.0.0.1:1",
        "username": "bench", "password": "bench", "madonvi": "000.00.00.H99" }))
    .unwrap();
    let state = fixtures::dossier_state(&fixtures::nth_code(1));
    let bytes = dvcqg::request_of(&state, &config, &portal()).unwrap();
    let mut group = c.benchmark_group("map to the portal");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group
        .bench_function("a dossier", |b| b.iter(|| dvcqg::request_of(black_box(&state), &config, &portal())));
    group.finish();
}

/// What is signed today: a payment's opening, and the platform's callback about it.
fn signing(c: &mut Criterion) {
    let config: dvcqg_payment::Config = serde_json::from_value(json!({ "init_url": "http://127.0.0.1:1/",
        "query_url": "http://127.0.0.1:1/", "partner_code": "H99", "secret": "bench" }))
    .unwrap();
    let (id, code) = (fixtures::connector("dvcqg-payment"), fixtures::nth_code(1));
    let mut payment = fixtures::payment_body("TT-1");
    payment.beneficiary = Some(account());
    let payload = Payload::OpenPayment {
        payment: Box::new(payment),
        reference: fixtures::reference("LTABCDEFGHJKLMNPQRSTUVWX"),
        amount: 8000,
        sent_at: "20261123080500".to_owned(),
    };
    let task = Task {
        operation: 1,
        payload: Arc::new(payload),
        subject: Some(code.clone()),
        dossier: Some(Arc::new(fixtures::dossier_state(&code))),
        acknowledged: false,
        begun: false,
        doubted: false,
        attempt: 1,
    };
    assert!(dvcqg_payment::request_of(&task, &config, &"bench".into()).is_some());
    let mut group = c.benchmark_group("sign");
    let secret = "bench".into();
    group.bench_function("a payment's opening", |b| {
        b.iter(|| dvcqg_payment::request_of(black_box(&task), &config, &secret));
    });
    let connector = dvcqg_payment::connector(id, "Payments".to_owned(), None, &config).unwrap();
    let request = callback(&config);
    assert!(connector.callbacks().unwrap().verify(&request).is_ok());
    group.bench_function("read and verify a callback", |b| {
        b.iter(|| connector.callbacks().unwrap().verify(black_box(&request)));
    });
    group.finish();
}

fn callback(config: &dvcqg_payment::Config) -> CallbackRequest {
    let body = dvcqg_payment::signed_report(
        json!({ "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MoTaLoi": "Thành công", "MaDoiTac": config.partner_code,
            "MaThamChieu": "LTABCDEFGHJKLMNPQRSTUVWX", "SoTien": 8000, "MaTienTe": "VND", "MaGiaoDich": "GD1",
            "MaNganHang": "VCB", "ThoiGianGD": "20261123080600", "ThongTinGiaoDich": "Le phi ho tich" }),
        &"bench".into(),
    );
    CallbackRequest {
        path: String::new(),
        query: String::new(),
        headers: Vec::new(),
        body: body.into_bytes(),
    }
}

/// Claiming a batch of lanes by a scan, and settling it; each in a unit of work of its own, on a store that has a batch
/// more of ended work with every repeat.
fn storing(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = runtime.block_on(async {
        let store = SqliteStore::connect(lienthong_store_sqlite::Options::new(folder.path(), "micro")).await;
        let store = store.unwrap();
        store.migrate().await.unwrap();
        store
    });
    claim_and_settle(c, &runtime, "SQLite", &sqlite);
    runtime.block_on(sqlite.close());
    let Ok(server) = std::env::var("LIENTHONG_TEST_PG") else {
        eprintln!("PostgreSQL is left out: LIENTHONG_TEST_PG names no throwaway server");
        return;
    };
    let name = format!("micro_{}", std::process::id());
    let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
    let (postgres, mut admin) = runtime.block_on(async {
        let mut admin = PgConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        let store = PostgresStore::connect(lienthong_store_postgres::Options::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        (store, admin)
    });
    claim_and_settle(c, &runtime, "PostgreSQL", &postgres);
    runtime.block_on(async {
        postgres.close().await;
        admin.execute(AssertSqlSafe(format!("drop database {name} with (force)"))).await.unwrap();
    });
}

fn claim_and_settle(c: &mut Criterion, runtime: &Runtime, dialect: &str, store: &dyn Store) {
    let rules = Arc::new(rules());
    let mut next = 0;
    let mut round = || {
        let batch = batch(next, &rules);
        next += BATCH;
        runtime.block_on(async {
            let begun = Instant::now();
            admitted(store, &rules, batch).await;
            let admitted = begun.elapsed();
            let begun = Instant::now();
            let assignments = claimed(store).await;
            let claimed = begun.elapsed();
            assert_eq!(assignments.len(), BATCH as usize);
            let begun = Instant::now();
            settled(store, &rules, assignments).await;
            [admitted, claimed, begun.elapsed()]
        })
    };
    let mut group = c.benchmark_group("200 operations in a unit");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(BATCH)));
    for (place, what) in ["admit", "claim", "settle"].into_iter().enumerate() {
        group.bench_function(BenchmarkId::new(what, dialect), |b| {
            b.iter_custom(|repeats| {
                (0..repeats).filter_map(|_| round().get(place).copied()).sum::<Duration>()
            });
        });
    }
    group.finish();
}

async fn admitted(store: &dyn Store, rules: &Arc<Rules>, batch: Vec<Incoming>) {
    let (scope, rules) = (admit::scope(&batch), Arc::clone(rules));
    decide(store, scope, move |work| admit::admit(work, &rules, &batch)).await.unwrap();
}

async fn claimed(store: &dyn Store) -> Vec<Assignment> {
    let scan = Scan::Due { connector: portal(), state: LaneState::Ready, limit: BATCH as usize };
    let scope = Scope { scan: vec![scan], head_states: true, ..Scope::default() };
    let claim = |work: &mut Work| {
        settle::claim(work, &portal(), BATCH as usize, "micro", SignedDuration::from_secs(60), |_| true)
    };
    decide(store, scope, claim).await.unwrap()
}

async fn settled(store: &dyn Store, rules: &Arc<Rules>, assignments: Vec<Assignment>) {
    let done = || Settled::Outcome(Outcome::Done(Proof { said: "ok".to_owned(), ..Proof::default() }));
    let settlements: Vec<_> = assignments.into_iter().map(|a| Settlement::of(a, done())).collect();
    let (scope, rules) = (settle::scope(&settlements), Arc::clone(rules));
    let (schedule, health) = (Schedule::default(), HealthSettings::default());
    let ours =
        decide(store, scope, move |work| settle::settle(work, &rules, &schedule, &health, &settlements))
            .await;
    assert!(ours.unwrap().into_iter().all(|is_ours| is_ours));
}

criterion_group!(micro, reading, planning, mapping, signing, storing);
criterion_main!(micro);
