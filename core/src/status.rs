//! The national portal's ten statuses of a dossier (docs/partners/dvcqg.md, 9.1). The portal is not known to enforce an
//! order of them: every move is sent.

use serde::{Deserialize, Serialize};

/// A status as the national portal knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum PortalStatus {
    /// 1 mới đăng ký
    Registered = 1,
    /// 2 được tiếp nhận
    Received = 2,
    /// 3 không được tiếp nhận
    Rejected = 3,
    /// 4 đang xử lý
    Processing = 4,
    /// 5 yêu cầu bổ sung giấy tờ
    SupplementRequested = 5,
    /// 6 yêu cầu thực hiện nghĩa vụ tài chính
    FeeRequested = 6,
    /// 7 công dân yêu cầu rút hồ sơ
    Withdrawn = 7,
    /// 8 dừng xử lý
    Stopped = 8,
    /// 9 đã xử lý xong
    Finished = 9,
    /// 10 đã trả kết quả
    Returned = 10,
}

impl PortalStatus {
    /// All ten, in the portal's order.
    pub const ALL: [Self; 10] = [
        Self::Registered,
        Self::Received,
        Self::Rejected,
        Self::Processing,
        Self::SupplementRequested,
        Self::FeeRequested,
        Self::Withdrawn,
        Self::Stopped,
        Self::Finished,
        Self::Returned,
    ];

    /// The portal's number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether the portal counts the dossier as ended (7 only once received, which this does not know).
    pub fn is_end(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn | Self::Stopped | Self::Finished | Self::Returned)
    }
}

/// A number that is no portal status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a portal status from 1 to 10, got {0}")]
pub struct BadStatus(pub u8);

impl TryFrom<u8> for PortalStatus {
    type Error = BadStatus;
    fn try_from(code: u8) -> Result<Self, BadStatus> {
        Self::ALL.get(usize::from(code).wrapping_sub(1)).copied().ok_or(BadStatus(code))
    }
}

impl From<PortalStatus> for u8 {
    fn from(status: PortalStatus) -> u8 {
        status.code()
    }
}

impl schemars::JsonSchema for PortalStatus {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PortalStatus".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 10 })
    }
}
