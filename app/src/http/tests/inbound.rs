//! What partners send by themselves, at the edge: no door, no address; files to those who may read; the page and the list.

use axum::http::{Method, StatusCode, header};
use lienthong_core::{
    id::ConnectorId,
    port::{
        inbound::{FileRecord, FileState, ToldRecord},
        store::{Door, RawCallback, Store, decide},
        work::{CallbackVerdict, Scope as Wanted, Work},
    },
};

use super::{Server, live};
use crate::http::auth::Scope;

const STATES: [FileState; 3] = [FileState::Stored, FileState::Waiting, FileState::Refused];

/// A request that was told, with a file in each state.
async fn received(server: &Server) -> Vec<i64> {
    let connector = ConnectorId::parse("dvcqg").unwrap();
    let raw = RawCallback {
        connector: connector.clone(),
        door: Door::Inbound,
        path: "addtthcKhuyenMai".into(),
        headers: "{}".into(),
        body: b"{}".to_vec(),
    };
    let request = server.store.keep_callback(&raw).await.unwrap();
    let told = move |work: &mut Work| {
        let verdict = CallbackVerdict { callback: request, identity: None, verdict: "told".into() };
        work.callbacks.push(verdict);
        work.inbound.told.push(ToldRecord {
            connector: connector.clone(),
            identity: "submitted:1".into(),
            hash: [0; 32],
            request,
            name: "portal.dossier_submitted".into(),
            subject: "G22.99-261122-000001".into(),
        });
        let file = |state: FileState| FileRecord {
            id: work.id(),
            connector: connector.clone(),
            request,
            subject: "G22.99-261122-000001".into(),
            name: "đơn/1.pdf".into(),
            state,
            media_type: (state == FileState::Stored).then(|| "application/pdf".to_owned()),
            size: (state == FileState::Stored).then_some(5),
            address: None,
            tries: 0,
            next_at: None,
            said: if state == FileState::Refused { "too large".into() } else { String::new() },
            created_at: work.now,
        };
        let files: Vec<_> = STATES.into_iter().map(file).collect();
        let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
        for file in files {
            let content = (file.state == FileState::Stored).then(|| b"%PDF-".as_slice().into());
            work.inbound.files.push((file, content));
        }
        ids
    };
    decide(&server.store, Wanted::default(), told).await.unwrap()
}

#[tokio::test]
async fn a_file_is_handed_to_those_who_may_read_and_says_how_it_stands() {
    let server = live();
    let ids = received(&server).await;
    let path = |at: usize| format!("/v1/files/{}", ids[at]);
    assert_eq!(server.bare(Method::GET, &path(0)).await.status, StatusCode::UNAUTHORIZED);
    let other = server.api(Method::GET, &path(0), &[Scope::Publish], "", "").await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let file = server.ask(&path(0)).await;
    assert_eq!((file.status, file.body.as_str()), (StatusCode::OK, "%PDF-"));
    assert_eq!(file.headers[header::CONTENT_TYPE], "application/pdf");
    let disposition = file.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename*=UTF-8''%C4%91%C6%A1n_1.pdf", "never shown, and no path");
    let stands =
        [(1, StatusCode::SERVICE_UNAVAILABLE, "file_waiting"), (2, StatusCode::GONE, "file_not_here")];
    for (at, status, code) in stands {
        let answer = server.ask(&path(at)).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (status, Some(code)));
    }
    assert_eq!(server.ask("/v1/files/999999").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_list_and_the_page_show_what_came_and_what_became_of_it() {
    let server = live();
    let page = server.page("/tu-cong", &[Scope::Read]).await;
    assert!(page.body.contains("Chưa nhận gói tin nào") && page.body.contains("Chưa mở cửa nhận"));
    let ids = received(&server).await;
    let listed = server.ask("/v1/inbound").await.json();
    let request = &listed["inbound"][0];
    assert_eq!(
        (request["state"].as_str(), request["told"][0]["name"].as_str()),
        (Some("told"), Some("portal.dossier_submitted"))
    );
    assert_eq!(request["files"].as_array().unwrap().len(), 3);
    let one = server.ask(&format!("/v1/inbound/{}", request["id"])).await.json();
    assert_eq!(&one["request"], request);
    assert_eq!(server.ask("/v1/inbound/999999").await.status, StatusCode::NOT_FOUND);
    let page = server.page("/tu-cong", &[Scope::Read]).await;
    for shown in ["Đã báo cho một cửa", "Hồ sơ mới nộp trên Cổng", "too large", "đang chờ tải"]
    {
        assert!(page.body.contains(shown), "{shown}\n{}", page.body);
    }
    let links: Vec<bool> = ids.iter().map(|id| page.body.contains(&format!("/v1/files/{id}\""))).collect();
    assert_eq!(links, [true, false, false], "only what is here has a link");
}

#[tokio::test]
async fn without_a_door_there_is_no_address() {
    let server = live();
    for path in [
        "/inbound/dvcqg/nhanhsdvcqg",
        "/inbound/none/nhanhsdvcqg",
        "/XrdAdapter/RestService/forward/nhanhsdvcqg",
        "/VXPAdapter/RestService/forward/nhanhsdvcqg",
    ] {
        let answer = server.bare(Method::POST, path).await;
        assert_eq!(answer.json()["error"]["code"], "no_such_address", "{path}");
    }
    assert!(server.store.callbacks().is_empty());
}
