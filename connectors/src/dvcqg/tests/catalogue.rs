//! The catalogue against the strict simulator, and confirmed mappings in what is sent.

use async_trait::async_trait;
use lienthong_core::{
    catalogue::{Book, Entry, Mapping, PROCEDURE_DETAILS, Table, Word},
    need::Need,
    outcome::{Cause, Outcome},
    port::{
        connector::{CatalogueSource, Codes, Connector, Sessions},
        store::{Session, StoreError},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    simulator::{gateway_settings, start_with},
    *,
};
use lienthong_mocks::portal::{GatewayPaths, Options};

/// What a store would say.
struct Stored {
    sessions: Shared,
    mappings: Vec<Mapping>,
    entries: Vec<Entry>,
    asked: AtomicUsize,
}

#[async_trait]
impl Sessions for Stored {
    async fn get(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        self.sessions.get(connector).await
    }
    async fn put(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        self.sessions.put(connector, session).await
    }
    fn codes(&self) -> Option<&dyn Codes> {
        Some(self)
    }
}

#[async_trait]
impl Codes for Stored {
    /// What a replica knows without asking is old: it knows nothing yet.
    async fn book(&self, renewed: bool) -> Result<Arc<Book>, StoreError> {
        if renewed {
            self.asked.fetch_add(1, Ordering::Relaxed);
            return Ok(Arc::new(Book::new(1, self.mappings.clone())));
        }
        Ok(Arc::default())
    }
    async fn entry(&self, _: &ConnectorId, list: &str, code: &str) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries.iter().find(|e| e.list == list && e.code == code).cloned())
    }
}

impl Stored {
    fn new(mappings: Vec<Mapping>, entries: Vec<Entry>) -> Self {
        Self { sessions: Shared::default(), mappings, entries, asked: AtomicUsize::new(0) }
    }

    fn call(&self) -> Call<'_> {
        Call { now: now(), deadline: Duration::from_secs(10), sessions: self }
    }
}

fn mapping(table: Table, local: &str, national: &str, name: &str) -> Mapping {
    Mapping {
        id: 1,
        connector: id(),
        table,
        local: local.into(),
        national: national.into(),
        name: name.into(),
        from: None,
        until: None,
        confirmed: Word { by: "an".into(), at: now(), reason: "đúng".into() },
        withdrawn: None,
    }
}

fn entry(code: &str) -> Entry {
    let content = json!({"MATTHC": code, "TENTTHC": "Tên trong danh mục",
        "LINHVUCTHUCHIEN": [{"MALINHVUC": "G15-TP01", "TENLINHVUC": "Hộ tịch"}]});
    Entry {
        connector: id(),
        list: PROCEDURE_DETAILS.into(),
        code: code.into(),
        name: "Tên trong danh mục".into(),
        in_force: true,
        content: content.to_string().into(),
        version: 1,
        first_at: now(),
        changed_at: now(),
        withdrawn_at: None,
    }
}

/// A dossier of a procedure that only its one-stop system knows, without names.
fn strange() -> Task {
    let mut fields = local();
    fields["procedure"] = json!({"code": "TT-LA"});
    task_of(Payload::SyncDossier, state(fields, PortalStatus::Received))
}

#[tokio::test]
async fn a_confirmed_mapping_is_used_at_once_and_names_come_from_the_stored_catalogue() {
    let server = Script::default().known(false).says("DongBoHoSoMC", "0", "thành công").start().await;
    let portal = portal(&server.uri());
    let unmapped = Stored::new(Vec::new(), Vec::new());
    let need = Need::Mapping { connector: id().to_string(), table: "procedure".into(), code: "TT-LA".into() };
    assert_eq!(portal.attempt(&strange(), &unmapped.call()).await, Outcome::Held(need));
    assert_eq!(asked(&server).await, Vec::<String>::new(), "nothing was sent");

    let mappings = vec![
        mapping(Table::Procedure, "TT-LA", "1.001193.H99", ""),
        mapping(Table::Unit, "000.00.08.H99", "000.00.09.H99", "UBND Phường Mới"),
        mapping(Table::Status, "2", "4", ""),
    ];
    // The catalogue lists the code without the province's suffix.
    let stored = Stored::new(mappings, vec![entry("1.001193")]);
    let outcome = portal.attempt(&strange(), &stored.call()).await;
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_eq!(
        stored.asked.load(Ordering::Relaxed),
        1,
        "what has no mapping is looked up in the store itself"
    );
    let requests = server.received_requests().await.unwrap_or_default();
    let sent: Vec<Value> = requests.iter().filter_map(|r| serde_json::from_slice(&r.body).ok()).collect();
    assert!(!sent.iter().any(|body| body["service"] == "LayThuTuc"), "the stored catalogue has the names");
    let dossier = sent.iter().find_map(|body| body.pointer("/data/0")).unwrap();
    assert_eq!((&dossier["DonViXuLy"], &dossier["TrangThaiHoSo"]), (&json!("UBND Phường Mới"), &json!("4")));
    assert_eq!(dossier["MaTTHC"], "1.001193.H99");
    assert_eq!(dossier["TenTTHC"], "Tên trong danh mục");
    assert_eq!(dossier["MaLinhVuc"], "G15-TP01");
}

#[tokio::test]
async fn a_portal_born_dossier_goes_by_confirmed_mappings_in_both_of_its_forms() {
    let script = Script::default().known(true).says("DongBoHoSoMC", "0", "thành công");
    let server = script.says("DongBoTrangThaiHoSo", "0", "thành công").start().await;
    let portal = portal_with(&server.uri(), json!({"portal_born": "both"}));
    let mut fields: Value = serde_json::from_str(include_str!("../fixtures/born.dossier.json")).unwrap();
    fields["procedure"] = json!({"code": "TT-LA"});
    let born = task_of(Payload::SyncDossier, state(fields, PortalStatus::Received));
    let stored =
        Stored::new(vec![mapping(Table::Procedure, "TT-LA", "1.001193", "")], vec![entry("1.001193")]);
    let outcome = portal.attempt(&born, &stored.call()).await;
    assert!(matches!(&outcome, Outcome::Done(p) if p.facts.contains_key("status_told")), "{outcome:?}");
    assert_eq!(asked(&server).await, ["login", "TraCuuHoSo", "update", "DongBoTrangThaiHoSo"]);
}

#[tokio::test]
async fn every_list_is_read_from_the_strict_simulator_as_it_comes_also_behind_a_gateway() {
    for (gateway, mut settings) in
        [(None, json!({})), (Some(GatewayPaths::default()), gateway_settings(json!({})))]
    {
        let simulator = start_with(Options { gateway, ..Options::default() }).await;
        settings["catalogue"] = json!({"per_minute": 600, "services": ["LayDanhSachTTHC", "LayThuTuc", "LayDVC",
            "LayDanhMucLinhVuc", "LayDanhMucCoQuan", "LayDanhMucGioiTinh", "LayDanhMucTonGiao"]});
        let portal = portal_with(&simulator.url(), settings);
        let lists: Vec<_> = portal.lists().into_iter().map(|list| (list.name, list.each_of)).collect();
        assert_eq!(lists.last().unwrap().1.as_deref(), Some("procedures"), "the trees come last");
        let stored = Stored::new(Vec::new(), Vec::new());
        let mut counts = Vec::new();
        for (list, _) in lists.iter().filter(|(_, each_of)| each_of.is_none()) {
            let count = portal.rows(list, None, &stored.call()).await.map(|rows| rows.len());
            counts.push((list.as_str(), count.map_err(|failure| failure.cause)));
        }
        let refused = Err(Cause::DataRefused);
        let expected = [
            ("procedures", Ok(9)),
            ("services", Ok(9)),
            ("fields", Ok(6)),
            ("agencies", Ok(4)),
            ("LayDanhMucGioiTinh", Ok(2)),
            ("LayDanhMucTonGiao", refused),
        ];
        assert_eq!(counts, expected);
        let tree = portal.rows(PROCEDURE_DETAILS, Some("1.001193"), &stored.call()).await.unwrap().remove(0);
        assert_eq!((tree.code.as_str(), tree.in_force), ("1.001193", true));
        // What is no number stays what it is.
        assert_eq!(
            tree.content.pointer("/CACHTHUCTHUCHIEN/0/THOIGIAN/0/PHILEPHI/0/SOTIEN"),
            Some(&json!("không"))
        );
        assert_eq!(simulator.journal().violations(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_refused_list_is_a_refusal_even_under_the_code_of_a_dead_session() {
    let server = Script::default().says("LayDanhMucCoQuan", "-1", "Không có quyền").start().await;
    let portal = portal(&server.uri());
    let stored = Stored::new(Vec::new(), Vec::new());
    let failure = portal.rows("agencies", None, &stored.call()).await.unwrap_err();
    assert_eq!(failure.cause, Cause::DataRefused, "{failure:?}");
}
