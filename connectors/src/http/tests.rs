//! What each fault of a connection means, against raw sockets; masking; secrets; budget.

use super::*;
use lienthong_core::outcome::{Cause, Outcome};
use std::path::Path;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SOON: Duration = Duration::from_secs(5);

fn http() -> Http {
    Http::new(&HttpConfig::default()).unwrap()
}

/// Reads one request, then does what the test says with the connection.
async fn partner<F, R>(then: F) -> (String, tokio::task::JoinHandle<String>)
where
    F: FnOnce(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mapi/g?dstcode=secret", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a partner of one connection")]
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !seen.ends_with(b"{}") {
            let n = stream.read(&mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..n]);
        }
        then(stream).await;
        String::from_utf8_lossy(&seen).into_owned()
    });
    (url, task)
}

async fn failure_of(url: String, budget: Duration) -> Failure {
    http().send(Request::post_json(url, b"{}".to_vec()), budget).await.unwrap_err()
}

#[tokio::test]
async fn a_complete_answer_comes_with_status_type_and_wish_for_a_retry() {
    let (url, task) = partner(|mut s| async move {
        let head =
            "HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\n<p/>";
        s.write_all(head.as_bytes()).await.unwrap();
    })
    .await;
    let request = Request::post_json(url, b"{}".to_vec()).header("Charset", "utf-8");
    let answer = http().send(request, SOON).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (503, Some(SignedDuration::from_secs(7))));
    assert!(answer.is_html());
    let seen = task.await.unwrap().to_lowercase();
    for header in
        ["user-agent: lienthong/", "content-length: 2", "content-type: application/json", "charset: utf-8"]
    {
        assert!(seen.contains(header), "{header} in {seen}");
    }
}

#[tokio::test]
async fn a_refused_connection_and_an_unknown_name_mean_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    for url in [url, "http://no-such-host.invalid/".to_owned(), "no address".to_owned()] {
        let failure = failure_of(url.clone(), SOON).await;
        assert_eq!(failure.kind, FailureKind::NotSent, "{url}: {}", failure.said);
        assert!(matches!(failure.outcome(), Outcome::NotDone(s) if s.cause == Cause::Unreachable));
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_in_time_means_not_sent() {
    // A listener that accepts nobody: the handshake of the kernel succeeds, that of TLS never begins.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let http = Http::new(&HttpConfig { connect_timeout_ms: 200, ..HttpConfig::default() }).unwrap();
    let failure = http.send(Request::post_json(url, b"{}".to_vec()), SOON).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotSent, "{}", failure.said);
}

#[tokio::test]
async fn a_partner_that_speaks_no_tls_means_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a partner of one connection")]
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let failure = failure_of(url, SOON).await;
    assert_eq!(failure.kind, FailureKind::NotSent, "{}", failure.said);
    task.await.unwrap();
}

#[tokio::test]
async fn silence_after_sending_means_no_answer() {
    let (url, task) = partner(|s| async move {
        tokio::time::sleep(SOON).await;
        drop(s);
    })
    .await;
    let failure = failure_of(url, Duration::from_millis(200)).await;
    assert_eq!(failure.kind, FailureKind::NoAnswer, "{}", failure.said);
    assert!(matches!(failure.outcome(), Outcome::Unclear(d) if d.cause == Cause::NoAnswer));
    assert!(!failure.said.contains("secret"));
    task.abort();
}

#[tokio::test]
async fn a_connection_closed_or_reset_before_the_answer_means_broken() {
    let (url, _) = partner(|s| async move { drop(s) }).await;
    assert_eq!(failure_of(url, SOON).await.kind, FailureKind::Broken);
    let (url, _) = partner(|s| async move {
        s.set_zero_linger().unwrap();
        drop(s);
    })
    .await;
    let failure = failure_of(url, SOON).await;
    assert_eq!(failure.kind, FailureKind::Broken, "{}", failure.said);
    assert!(matches!(failure.outcome(), Outcome::Unclear(d) if d.cause == Cause::Broken));
}

#[tokio::test]
async fn half_a_body_means_broken_and_a_stalled_body_means_no_answer() {
    let half: &'static [u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"error_code\"";
    let (url, _) = partner(move |mut s| async move { s.write_all(half).await.unwrap() }).await;
    assert_eq!(failure_of(url, SOON).await.kind, FailureKind::Broken);
    let (url, task) = partner(move |mut s| async move {
        s.write_all(half).await.unwrap();
        tokio::time::sleep(SOON).await;
    })
    .await;
    assert_eq!(failure_of(url, Duration::from_millis(200)).await.kind, FailureKind::NoAnswer);
    task.abort();
}

#[tokio::test]
async fn an_answer_above_the_limit_is_unreadable_and_redirects_are_not_followed() {
    let (url, _) = partner(|mut s| async move {
        s.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await.unwrap();
        s.write_all(&[b'x'; 100]).await.unwrap();
    })
    .await;
    let failure =
        http().body_limit(99).send(Request::post_json(url, b"{}".to_vec()), SOON).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreadable);
    let (url, _) = partner(|mut s| async move {
        s.write_all(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let answer = http().send(Request::post_json(url, b"{}".to_vec()), SOON).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(matches!(write_outcome(&answer), Outcome::Unclear(d) if d.cause == Cause::Unlisted));
}

#[test]
fn the_status_alone_decides_a_write_only_where_nothing_can_have_happened() {
    let outcome = |status| {
        write_outcome(&Answer { status, content_type: None, retry_after: None, body: b"<html>".to_vec() })
            .name()
    };
    let table = [
        (200, "unclear"),
        (302, "unclear"),
        (400, "refused"),
        (401, "paused"),
        (403, "paused"),
        (404, "not_done"),
        (408, "unclear"),
        (413, "refused"),
        (429, "not_done"),
        (500, "unclear"),
        (502, "unclear"),
        (503, "not_done"),
        (504, "unclear"),
    ];
    for (status, expected) in table {
        assert_eq!(outcome(status), expected, "{status}");
    }
}

#[test]
fn numbers_addresses_and_sessions_are_masked_and_codes_are_not() {
    let table = [
        ("Hồ sơ 000.00.08.H99-261122-0001 đã tồn tại", "Hồ sơ 000.00.08.H99-261122-0001 đã tồn tại"),
        ("G22.99-261122-0000000001.", "G22.99-261122-0000000001."),
        ("số 080099000001, ĐT 0900000001", "số ***, ĐT ***"),
        ("CMND 012345678", "CMND ***"),
        ("mã 12345678", "mã 12345678"),
        ("a.b@example.gov.vn lỗi", "*** lỗi"),
        ("phiên c0ffee00-0000-4000-8000-000000000001 hết hạn", "phiên *** hết hạn"),
        ("eyJhbGciOiJIUzI1NiJ9AAAA.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc", "***.***.abc"),
        ("data[0].DanhSachTepDinhKemKhac: bắt buộc", "data[0].DanhSachTepDinhKemKhac: bắt buộc"),
        ("LTABCDEFGHJKLMNPQRSTUVW23", "LTABCDEFGHJKLMNPQRSTUVW23"),
        ("dòng\n1", "dòng 1"),
    ];
    for (text, expected) in table {
        assert_eq!(masked(text), expected);
    }
    assert_eq!(masked(&"ă".repeat(400)).chars().count(), 300);
    assert_eq!(masked_of("Chủ hồ sơ Trần Thị Mẫu sai", &["Trần Thị Mẫu", ""]), "Chủ hồ sơ *** sai");
}

#[test]
fn debug_texts_show_no_query_no_header_and_no_body() {
    let request =
        Request::post_json("http://h/p?key=SECRET", b"SECRET".to_vec()).header("Authorization", "SECRET");
    assert_eq!(format!("{request:?}"), "POST http://h/p (6 bytes)");
    let answer = Answer { status: 200, content_type: None, retry_after: None, body: b"SECRET".to_vec() };
    assert!(!format!("{answer:?}").contains("SECRET"));
}

#[test]
fn a_secret_comes_from_the_value_or_the_file_but_not_from_both() {
    use secrecy::{ExposeSecret, SecretString};
    let path = std::env::temp_dir().join(format!("lienthong-secret-{}", std::process::id()));
    std::fs::write(&path, "from file\n").unwrap();
    let value = SecretString::from("from value");
    let read = |value, file| SecretSource::new("password", value, file).read();
    assert_eq!(read(Some(&value), None).unwrap().expose_secret(), "from value");
    assert_eq!(read(None, Some(path.as_path())).unwrap().expose_secret(), "from file");
    assert_eq!(read(Some(&value), Some(path.as_path())).unwrap_err().key, "password");
    assert_eq!(read(None, None).unwrap_err().key, "password");
    assert_eq!(read(None, Some(Path::new("/no/such/file"))).unwrap_err().key, "password_file");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn files_that_hold_no_certificate_are_wrong_settings() {
    for key in ["extra_roots_file", "client_certificate_file"] {
        let text = format!("{{\"{key}\":\"/no/such/file.pem\"}}");
        let config: HttpConfig = serde_json::from_str(&text).unwrap();
        let error = ConfigError::from(Http::new(&config).unwrap_err());
        assert_eq!(error.key, format!("http.{key}"));
    }
}

#[test]
fn a_budget_shrinks_and_keeps_a_margin() {
    let budget = Budget::new(Duration::from_secs(10));
    assert!(budget.remaining() <= Duration::from_millis(9750));
    assert_eq!(budget.for_call(Duration::from_secs(1)), Duration::from_secs(1));
    assert!(budget.has(Duration::from_secs(9)) && !budget.has(Duration::from_secs(10)));
    assert_eq!(Budget::new(Duration::ZERO).remaining(), Duration::ZERO);
}
