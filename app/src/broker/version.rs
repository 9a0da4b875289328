//! Which RabbitMQ this is. lapin reads the server's properties and does not pass them on, so its greeting is read once
//! more, before the login of every session: the meaning of a delivery limit of -1 depends on it (`topology.rs`).

use std::time::Duration;

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use lapin::{runtime, tcp::AMQPUriTcpExt, uri::AMQPUri};
use secrecy::{ExposeSecret, SecretString};

use super::link::Broken;

/// The greeting comes at once, or something else listens there.
const WITHIN: Duration = Duration::from_secs(10);
/// AMQP 0-9-1, 4.2.2: what a client says first.
const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// A greeting is about half a kilobyte.
const LONGEST_GREETING: usize = 64 * 1024;

/// The server's version, as `4.1.2`; none if it does not say.
pub(super) async fn ask(url: &SecretString) -> Result<Option<String>, Broken> {
    let asked = tokio::time::timeout(WITHIN, greeting(url)).await;
    Ok(version(&asked.map_err(|_| Broken::Silent(WITHIN, "greeting"))??))
}

/// Whether this version knows a negative delivery limit: 4.0 and later. 3.x takes it, and then gives up a message at
/// its first return.
pub(super) fn has_unlimited_deliveries(version: Option<&str>) -> bool {
    let major = version.and_then(|v| v.split('.').next()).and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= 4)
}

async fn greeting(url: &SecretString) -> Result<Vec<u8>, Broken> {
    let failed = |error: &dyn std::fmt::Display| Broken::Said(format!("the broker's greeting: {error}"));
    // The parser's complaint could quote the address, and with it the password.
    let uri: AMQPUri =
        url.expose_secret().parse().map_err(|_| Broken::Said("broker.url is no AMQP address".into()))?;
    let mut stream = uri.connect_async(&runtime::default_runtime()?).await.map_err(|e| failed(&e))?;
    stream.write_all(PROTOCOL_HEADER).await.map_err(|e| failed(&e))?;
    stream.flush().await.map_err(|e| failed(&e))?;
    // A frame: type, channel, length of the payload; then the payload and an end mark.
    let mut head = [0u8; 7];
    stream.read_exact(&mut head).await.map_err(|e| failed(&e))?;
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
    if head[0] != 1 || length > LONGEST_GREETING {
        return Err(Broken::Said("what answers at broker.url does not speak AMQP 0-9-1".into()));
    }
    let mut payload = vec![0u8; length];
    stream.read_exact(&mut payload).await.map_err(|e| failed(&e))?;
    Ok(payload)
}

/// `version` in the server's properties: a name of 7 bytes, the type mark of a long string, its length, its bytes.
fn version(greeting: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\x07versionS";
    let at = greeting.windows(NAME.len()).position(|w| w == NAME)? + NAME.len();
    let length = u32::from_be_bytes(greeting.get(at..at + 4)?.try_into().ok()?) as usize;
    let text = greeting.get(at + 4..at + 4 + length)?;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_out_of_the_greeting() {
        let mut greeting =
            b"\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x2a\x07productS\x00\x00\x00\x08RabbitMQ".to_vec();
        greeting.extend(b"\x07versionS\x00\x00\x00\x063.10.8");
        assert_eq!(version(&greeting).as_deref(), Some("3.10.8"));
        assert_eq!(version(b"nothing of the kind"), None);
        assert_eq!(version(b"\x07versionS\x00\x00\xff\xffshort"), None);
    }

    #[test]
    fn only_4_and_later_take_a_limit_of_minus_one() {
        assert!(!has_unlimited_deliveries(Some("3.10.8")));
        assert!(!has_unlimited_deliveries(Some("3.13.7")));
        assert!(has_unlimited_deliveries(Some("4.0.0-rc.1")));
        assert!(!has_unlimited_deliveries(None));
    }
}
