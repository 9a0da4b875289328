//! Addresses of files: as the portal reaches ours, as we reach the portal's; the account look-up; what may be left out.

use super::*;

#[test]
fn our_files_are_named_as_the_portal_can_reach_them() {
    let rules = json!({"url_rewrite": [
        {"from": "https://motcua.example.gov.vn/", "to": "http://ip-ss-donvi:8080/XrdAdapter/RestService/forward/",
         "query": "dstcode=VN:GOV:000.00.00.H99:motcua"},
        {"from": "/", "to": "https://public.example.vn/"}]});
    let config = config("http://a", rules);
    let through = "http://ip-ss-donvi:8080/XrdAdapter/RestService/forward/files/501";
    let query = "dstcode=VN:GOV:000.00.00.H99:motcua";
    for (from, to) in [
        ("https://motcua.example.gov.vn/files/501", format!("{through}?{query}")),
        ("https://motcua.example.gov.vn/files/501?v=2", format!("{through}?v=2&{query}")),
        ("/files/501", "https://public.example.vn/files/501".to_owned()),
        ("https://khac.vn/1", "https://khac.vn/1".to_owned()),
    ] {
        assert_eq!(config.reachable(from), to);
    }
}

#[test]
fn the_portals_files_are_fetched_through_our_own_adapter() {
    let settings = config("http://10.0.0.5:8080/", json!({}));
    let rest = "/RestService/forward/files/9?dstcode=VN:GOV:000.00.00.G22:x&providerurl=http%3A%2F%2Fp%2F";
    for host in ["http://ip-ss-donvi:8080/XrdAdapter", "http://10.9.9.9/VXPAdapter", "https://ss.vn/a/b"] {
        assert_eq!(
            settings.fetchable(&format!("{host}{rest}")).unwrap(),
            format!("http://10.0.0.5:8080/VXPAdapter{rest}")
        );
    }
    // What only mentions it in its query leads past the adapters.
    for direct in ["https://dichvucong.example.vn/tai/1", "https://x.vn/tai?u=http://y/RestService/1"] {
        assert_eq!(settings.fetchable(direct).unwrap(), direct);
    }
    let gateway = json!({"dialect": "gateway", "gateway": {"create_path": "/a", "update_path": "/b", "progress_path": "/c"}});
    let error = config("http://gw", gateway).fetchable("http://x/X/RestService/1").unwrap_err();
    assert_eq!(error.key, "file_adapter");
    let stated = config("http://gw", json!({"file_adapter": "http://10.0.0.6/VXPAdapter/"}));
    assert_eq!(
        stated.fetchable("http://x/X/RestService/1").unwrap(),
        "http://10.0.0.6/VXPAdapter/RestService/1"
    );
}

fn online(account: &str) -> Task {
    let mut fields = local();
    fields["channel"] = json!("online");
    fields["applicant"]["portal_account"] = json!(account);
    Task { acknowledged: true, ..task_of(Payload::SyncDossier, state(fields, PortalStatus::Received)) }
}

#[tokio::test]
async fn the_account_of_an_online_applicant_is_looked_up_once_where_the_event_names_none() {
    let row = json!({"TECHNICALID": "TECH-7"});
    let known = json_of(json!({"error_code": "0", "result": [row]}));
    let server = Script::default().on("TraCuuTechID", known).start().await;
    let sessions = Shared::default();
    let portal = portal_with(&server.uri(), json!({"look_up_account": true}));
    for task in [online(""), online(""), online("TECH-1"), Task { acknowledged: true, ..sync() }] {
        assert_eq!(portal.attempt(&task, &call(&sessions)).await.name(), "done");
    }
    let requests = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = requests.iter().map(|r| r.body_json().unwrap()).collect();
    let asked: Vec<&Value> = bodies.iter().filter(|b| b["service"] == "TraCuuTechID").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!((&asked[0]["provider"], &asked[0]["mstorcmnd"]), (&json!("wso2is"), &json!("080099000001")));
    let accounts: Vec<&Value> =
        bodies.iter().filter(|b| b["isUpdating"].is_string()).map(|b| &b["data"][0]["MaDoiTuong"]).collect();
    assert_eq!(accounts, ["TECH-7", "TECH-7", "TECH-1", ""]);

    let portal = portal_with(&server.uri(), json!({}));
    portal.attempt(&online(""), &call(&sessions)).await;
    let requests = server.received_requests().await.unwrap();
    let last: Value = requests.last().unwrap().body_json().unwrap();
    assert_eq!(last["data"][0]["MaDoiTuong"], "", "nobody is looked up unless it is configured");
}

#[tokio::test]
async fn a_look_up_of_an_account_that_fails_holds_no_dossier_up() {
    for answer in
        [ResponseTemplate::new(500), said("-1", "lỗi"), json_of(json!({"error_code": 0, "result": []}))]
    {
        let server = Script::default().on("TraCuuTechID", answer).start().await;
        let sessions = Shared::default();
        let portal = portal_with(&server.uri(), json!({"look_up_account": true}));
        let outcome = portal.attempt(&online(""), &call(&sessions)).await;
        assert!(
            matches!(&outcome, Outcome::Done(p) if p.facts["left_out"][0].as_str().unwrap().starts_with("MaDoiTuong")),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn empty_fields_are_sent_unless_configuration_leaves_them_out() {
    let sent = async |more: Value| {
        let server = Script::default().start().await;
        let sessions = Shared::default();
        let task = Task { acknowledged: true, ..sync() };
        portal_with(&server.uri(), more).attempt(&task, &call(&sessions)).await;
        let requests = server.received_requests().await.unwrap();
        requests.last().unwrap().body_json::<Value>().unwrap()["data"][0].clone()
    };
    let all = sent(json!({})).await;
    assert_eq!((&all["NgayTuChoi"], &all["DanhSachHoSoBoSung"]), (&json!(""), &json!([])));
    let fewer = sent(json!({"omit_empty": ["NgayTuChoi", "DanhSachHoSoBoSung", "NgayTiepNhan"]})).await;
    assert!(fewer.get("NgayTuChoi").is_none() && fewer.get("DanhSachHoSoBoSung").is_none());
    assert!(fewer.get("NgayTiepNhan").is_some(), "what is there is sent");
}

#[tokio::test]
async fn codes_that_are_not_known_go_by_configuration() {
    let server = Script::default().start().await;
    let sessions = Shared::default();
    let mut fields = local();
    fields["databases"] = json!(["dan-cu", "7"]);
    let mut state = state(fields, PortalStatus::SupplementRequested);
    let asked =
        json!({"id": "S1", "seq": 1, "content": "Thiếu", "requested_at": "2026-11-24T09:00:00+07:00"});
    state.merge_supplement(asked.as_object().unwrap());
    let more = json!({"databases": {"dan-cu": "1"}, "supplement_states": {"requested": "0", "received": "1"},
        "origins": {"local": "3", "portal": "4"}});
    let task = Task { acknowledged: true, ..task_of(Payload::SyncDossier, state) };
    portal_with(&server.uri(), more).attempt(&task, &call(&sessions)).await;
    let requests = server.received_requests().await.unwrap();
    let dossier = requests.last().unwrap().body_json::<Value>().unwrap()["data"][0].clone();
    assert_eq!(dossier["DSKetNoiCSDL"], json!([{"MaCSDL": "1"}, {"MaCSDL": "7"}]));
    assert_eq!(dossier["DanhSachHoSoBoSung"][0]["TrangThaiBoSung"], "0");
    assert_eq!(dossier["NoiNopHoSo"], "3");
}
