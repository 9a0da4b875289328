//! What a certificate that is not accepted means, on either side: nothing was sent, and no message is to blame.

use lienthong_core::outcome::{Cause, Outcome};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, Stream,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{FailureKind, Http, HttpConfig, Request};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of an authority for this machine, until a year's end.
fn certificate(
    authority: &Authority,
    until: i32,
    usage: ExtendedKeyUsagePurpose,
) -> (rcgen::Certificate, KeyPair) {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 12, 31));
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap(), key)
}

/// A partner of one connection with such a certificate; `asks`: whose certificates it wants to see. Answers what of the
/// request it could read.
fn partner(
    authority: &Authority,
    until: i32,
    asks: Option<&Authority>,
) -> (String, std::thread::JoinHandle<Vec<u8>>) {
    let (certificate, key) = certificate(authority, until, ExtendedKeyUsagePurpose::ServerAuth);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match asks {
        None => builder.with_no_client_auth(),
        Some(asked) => {
            let mut roots = RootCertStore::empty();
            roots.add(asked.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/mapi/g", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let mut seen = vec![0; 4096];
        let read = stream.read(&mut seen).unwrap_or(0);
        seen.truncate(read);
        if read > 0 {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        }
        seen
    });
    (url, thread)
}

/// A client that believes this authority and shows that certificate, if any.
fn client(believes: &Authority, ours: Option<&(rcgen::Certificate, KeyPair)>) -> (Http, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let roots = file("roots.pem", believes.pem());
    let ours = ours.map(|(c, key)| file("client.pem", format!("{}{}", c.pem(), key.serialize_pem())));
    let config =
        HttpConfig { extra_roots_file: Some(roots), client_certificate_file: ours, ..HttpConfig::default() };
    (Http::new(&config).unwrap(), folder)
}

async fn ask(http: &Http, url: String) -> Result<u16, super::Failure> {
    let request = Request::post_json(url, b"{}".to_vec());
    http.send(request, Duration::from_secs(5)).await.map(|answer| answer.status)
}

#[tokio::test]
async fn a_partner_whose_certificate_has_expired_or_is_not_known_pauses_the_connector_and_was_sent_nothing() {
    let (known, unknown) = (authority(), authority());
    for (issuer, until) in [(&known, 2021), (&unknown, 2099)] {
        let (url, partner) = partner(issuer, until, None);
        let (http, _folder) = client(&known, None);
        let failure = ask(&http, url).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Untrusted, "{}", failure.said);
        for outcome in [failure.outcome(), failure.reading_outcome()] {
            assert!(matches!(outcome, Outcome::Paused(pause) if pause.cause == Cause::PartnerUntrusted));
        }
        assert!(partner.join().unwrap().is_empty(), "nothing was sent");
    }
    // The same way with a certificate that is good.
    let (url, partner) = partner(&known, 2099, None);
    assert_eq!(ask(&client(&known, None).0, url).await.unwrap(), 200);
    assert!(!partner.join().unwrap().is_empty());
}

#[tokio::test]
async fn a_partner_that_refuses_our_certificate_pauses_the_connector_and_read_nothing() {
    let (theirs, ours) = (authority(), authority());
    let usage = || ExtendedKeyUsagePurpose::ClientAuth;
    let (expired, good) = (certificate(&ours, 2021, usage()), certificate(&ours, 2099, usage()));
    for shown in [None, Some(&expired)] {
        let (url, partner) = partner(&theirs, 2099, Some(&ours));
        let (http, _folder) = client(&theirs, shown);
        let failure = ask(&http, url).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Refused, "{}", failure.said);
        assert!(matches!(failure.outcome(), Outcome::Paused(p) if p.cause == Cause::CredentialsRejected));
        assert!(partner.join().unwrap().is_empty());
    }
    let (url, partner) = partner(&theirs, 2099, Some(&ours));
    assert_eq!(ask(&client(&theirs, Some(&good)).0, url).await.unwrap(), 200);
    assert!(!partner.join().unwrap().is_empty());
}
