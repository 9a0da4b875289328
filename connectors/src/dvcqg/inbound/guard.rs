//! Who may send: a secret header, HTTP basic, the peer's address; all that are configured have to hold. Secrets are compared
//! by their digests, in constant time.

use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lienthong_core::port::inbound::InboundRequest;
use secrecy::ExposeSecret;
use std::net::IpAddr;

use super::config::InboundConfig;
use crate::http::{ConfigError, SecretSource};

/// An address, or a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Net {
    address: IpAddr,
    bits: u8,
}

impl Net {
    /// `10.0.0.5`, `10.0.0.0/24`, `fd00::/8`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok()).filter(|bits| *bits <= most)?;
        Some(Self { address, bits })
    }

    fn has(self, peer: IpAddr) -> bool {
        fn bits_of(address: IpAddr) -> u128 {
            match address {
                IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
                IpAddr::V6(address) => u128::from(address),
            }
        }
        let peer = peer.to_canonical();
        let differing = bits_of(peer) ^ bits_of(self.address);
        peer.is_ipv4() == self.address.is_ipv4() && differing.leading_zeros() >= u32::from(self.bits)
    }
}

/// What a header has to say.
struct Wanted {
    header: String,
    digest: digest::Digest,
    what: &'static str,
}

/// Judges senders.
pub(super) struct Guard {
    wanted: Vec<Wanted>,
    peers: Vec<Net>,
}

fn digest_of(text: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, text)
}

impl Guard {
    /// Reads the secrets. What is missing is named.
    pub(super) fn new(config: &InboundConfig) -> Result<Self, ConfigError> {
        let error = |key: &str, said: &str| Err(ConfigError::new(format!("inbound.{key}"), said));
        let mut wanted = Vec::new();
        let named = config.secret_header.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let secret =
            SecretSource::new("inbound.secret", config.secret.as_ref(), config.secret_file.as_deref());
        match (named, secret.optional()?) {
            (Some(header), Some(secret)) => wanted.push(Wanted {
                header: header.to_ascii_lowercase(),
                digest: digest_of(secret.expose_secret().as_bytes()),
                what: "the secret header",
            }),
            (Some(_), None) => {
                return error("secret", "missing: secret_header is set, write secret_file = \"path\"");
            }
            (None, Some(_)) => return error("secret_header", "missing: which header has the secret?"),
            (None, None) => {}
        }
        let password = SecretSource::new(
            "inbound.basic_password",
            config.basic_password.as_ref(),
            config.basic_password_file.as_deref(),
        );
        let user = config.basic_username.as_deref().filter(|user| !user.is_empty());
        match (user, password.optional()?) {
            (Some(user), Some(password)) => {
                let pair = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
                wanted.push(Wanted {
                    header: "authorization".to_owned(),
                    digest: digest_of(format!("basic {pair}").as_bytes()),
                    what: "HTTP basic",
                });
            }
            (Some(_), None) => {
                let said = "missing: basic_username is set, write basic_password_file = \"path\"";
                return error("basic_password", said);
            }
            (None, Some(_)) => return error("basic_username", "missing: whose password is it?"),
            (None, None) => {}
        }
        let peers: Vec<Net> = config.allowed_peers.iter().filter_map(|peer| Net::parse(peer)).collect();
        if wanted.is_empty() && peers.is_empty() && !config.trust_network {
            let said = "nothing says who may send: set secret_header with secret_file, basic_username with \
                        basic_password_file, or allowed_peers; or trust_network = true where nobody but the adapter reaches \
                        this address";
            return Err(ConfigError::new("inbound", said));
        }
        Ok(Self { wanted, peers })
    }

    /// The headers that are never stored.
    pub(super) fn secret_headers(&self) -> Vec<String> {
        self.wanted.iter().map(|wanted| wanted.header.clone()).collect()
    }

    /// Whether everything holds that is configured.
    pub(super) fn admit(&self, request: &InboundRequest) -> Result<(), String> {
        if !self.peers.is_empty()
            && !request.peer.is_some_and(|peer| self.peers.iter().any(|net| net.has(peer)))
        {
            return Err("the peer is not among allowed_peers".to_owned());
        }
        for wanted in &self.wanted {
            let mut given = request.http.headers.iter().filter(|(name, _)| *name == wanted.header);
            let value = match (given.next(), given.next()) {
                (Some((_, value)), None) => value.as_str(),
                (None, _) => return Err(format!("{} is missing", wanted.what)),
                (Some(_), Some(_)) => return Err(format!("{} came twice", wanted.what)),
            };
            // The scheme's letters may be of either size (RFC 9110, 11.1).
            let value = match value.split_once(' ') {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                    format!("basic {}", rest.trim())
                }
                _ => value.to_owned(),
            };
            let given = digest_of(value.as_bytes());
            if constant_time::verify_slices_are_equal(given.as_ref(), wanted.digest.as_ref()).is_err() {
                return Err(format!("{} is wrong", wanted.what));
            }
        }
        Ok(())
    }
}
