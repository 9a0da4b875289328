//! What it means that no complete answer came: could the partner have seen the request?

use lienthong_core::outcome::{Cause, Outcome};
use std::error::Error;

use super::masked;

/// Whether the effect may exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Nothing reached the partner: the request could not be built, no name, no connection, no TLS session.
    NotSent,
    /// Nothing reached the partner either: its certificate is not one that we may believe.
    Untrusted,
    /// Nor here: the partner does not accept our certificate.
    Refused,
    /// The time ran out after sending may have begun.
    NoAnswer,
    /// The connection broke after sending may have begun, also in the middle of the answer.
    Broken,
    /// An answer that cannot be read.
    Unreadable,
}

/// No complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub kind: FailureKind,
    /// In words, masked.
    pub said: String,
}

impl Failure {
    /// A failure in these words.
    pub fn new(kind: FailureKind, said: impl AsRef<str>) -> Self {
        Self { kind, said: masked(said.as_ref()) }
    }

    /// `is_connect` covers name, connection, connection time-out and TLS handshake (proved in `tests.rs`); everything
    /// else may have happened after the first byte left, above all "connection closed before message completed". A body that
    /// ends too early is a decoding error to reqwest.
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let kind = if let Some(kind) = certificate(&error) {
            kind
        } else if error.is_builder() || error.is_connect() {
            FailureKind::NotSent
        } else if error.is_timeout() {
            FailureKind::NoAnswer
        } else {
            FailureKind::Broken
        };
        Self::new(kind, words(&error))
    }

    /// The outcome of a write that met this.
    pub fn outcome(&self) -> Outcome {
        match self.kind {
            FailureKind::NotSent => Outcome::not_done(Cause::Unreachable, &self.said),
            FailureKind::Untrusted | FailureKind::Refused => Outcome::paused(self.cause(), &self.said),
            FailureKind::NoAnswer | FailureKind::Broken | FailureKind::Unreadable => {
                Outcome::unclear(self.cause(), &self.said)
            }
        }
    }

    /// The outcome of a call without effect (login, look-up) that met this.
    pub fn reading_outcome(&self) -> Outcome {
        match self.kind {
            FailureKind::Untrusted | FailureKind::Refused => Outcome::paused(self.cause(), &self.said),
            FailureKind::NotSent | FailureKind::NoAnswer | FailureKind::Broken | FailureKind::Unreadable => {
                Outcome::not_done(self.cause(), &self.said)
            }
        }
    }

    /// Why, as a stable code.
    pub fn cause(&self) -> Cause {
        match self.kind {
            FailureKind::NotSent => Cause::Unreachable,
            FailureKind::Untrusted => Cause::PartnerUntrusted,
            FailureKind::Refused => Cause::CredentialsRejected,
            FailureKind::NoAnswer => Cause::NoAnswer,
            FailureKind::Broken => Cause::Broken,
            FailureKind::Unreadable => Cause::Unreadable,
        }
    }
}

/// Whether a certificate is the reason. In TLS 1.3 a server refuses ours after our side has finished the handshake, by
/// an alert; it has not read the request then.
fn certificate(error: &reqwest::Error) -> Option<FailureKind> {
    use rustls::AlertDescription as A;
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    while let Some(inner) = next {
        match tls(inner) {
            Some(rustls::Error::InvalidCertificate(_)) => return Some(FailureKind::Untrusted),
            Some(rustls::Error::AlertReceived(
                A::CertificateRequired
                | A::BadCertificate
                | A::CertificateExpired
                | A::CertificateRevoked
                | A::CertificateUnknown
                | A::UnsupportedCertificate
                | A::UnknownCA
                | A::AccessDenied,
            )) => return Some(FailureKind::Refused),
            Some(_) => return None,
            None => next = inner.source(),
        }
    }
    None
}

/// What TLS says, also where it is wrapped in errors of input and output; those do not name it as their source.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = error.downcast_ref() {
        return Some(tls);
    }
    tls(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}

/// The error and its causes in one line; reqwest's own text names only the first.
fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(inner) = next {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = inner.source();
    }
    text
}
