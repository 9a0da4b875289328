//! What files are, by their first bytes: names and declared types are the sender's word.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lienthong_core::port::inbound::FileSource;
use serde::Deserialize;

use super::config::InboundConfig;

/// A kind of file that may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// TIFF.
    Tiff,
    /// Office documents of both generations, and what else is a ZIP archive.
    Office,
    /// XML, as electronic invoices and vouchers are.
    Xml,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Pdf, Self::Png, Self::Jpeg, Self::Tiff, Self::Office, Self::Xml];

    /// What the bytes are.
    fn of(bytes: &[u8]) -> Option<(Self, &'static str)> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        if starts(b"%PDF-") {
            Some((Self::Pdf, "application/pdf"))
        } else if starts(b"\x89PNG\r\n\x1a\n") {
            Some((Self::Png, "image/png"))
        } else if starts(b"\xff\xd8\xff") {
            Some((Self::Jpeg, "image/jpeg"))
        } else if starts(b"II*\0") || starts(b"MM\0*") {
            Some((Self::Tiff, "image/tiff"))
        } else if starts(b"PK\x03\x04") {
            Some((Self::Office, "application/zip"))
        } else if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
            Some((Self::Office, "application/x-ole-storage"))
        } else if text.starts_with(b"<?xml") {
            Some((Self::Xml, "application/xml"))
        } else {
            None
        }
    }
}

/// The media type of a file that may be taken. An error: why it may not.
pub(super) fn judged(bytes: &[u8], config: &InboundConfig) -> Result<&'static str, String> {
    if bytes.len() > config.largest_file_bytes {
        return Err(format!("{} byte, nhiều nhất {}", bytes.len(), config.largest_file_bytes));
    }
    match Kind::of(bytes) {
        Some((kind, media_type)) if config.file_types.contains(&kind) => Ok(media_type),
        Some((kind, _)) => Err(format!("không nhận loại tệp {kind:?}")),
        None => Err("không phải loại tệp được nhận".to_owned()),
    }
}

/// Bytes from base64 as senders write it: with line ends, or as a data address. None: it is none.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    let text = match text.split_once(";base64,") {
        Some((head, rest)) if head.starts_with("data:") => rest,
        _ => text,
    };
    if text.bytes().any(|b| b.is_ascii_whitespace()) {
        let packed: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        return STANDARD.decode(packed).ok();
    }
    STANDARD.decode(text).ok()
}

/// A file that came as base64. `Err`: it is none.
pub(super) fn source(text: &str, config: &InboundConfig) -> Result<FileSource, String> {
    let bytes = decoded(text).ok_or("không phải base64")?;
    Ok(match judged(&bytes, config) {
        Ok(media_type) => FileSource::Content(bytes.into(), media_type),
        Err(said) => FileSource::Refused(said),
    })
}
