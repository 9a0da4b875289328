//! The indicators of the index as the portal shows them: code, maximum, target, what of them can be known here.

use serde::{Deserialize, Serialize};

/// A group of indicators, in the portal's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Công khai, minh bạch: 18.
    Publicity,
    /// Tiến độ giải quyết: 20.
    Progress,
    /// Dịch vụ trực tuyến: 12.
    Online,
    /// Thanh toán trực tuyến: 10.
    Payment,
    /// Số hóa hồ sơ: 22.
    Digitisation,
    /// Mức độ hài lòng: 18.
    Satisfaction,
}

impl Group {
    /// All six.
    pub const ALL: [Self; 6] = [
        Self::Publicity,
        Self::Progress,
        Self::Online,
        Self::Payment,
        Self::Digitisation,
        Self::Satisfaction,
    ];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publicity => "publicity",
            Self::Progress => "progress",
            Self::Online => "online",
            Self::Payment => "payment",
            Self::Digitisation => "digitisation",
            Self::Satisfaction => "satisfaction",
        }
    }
}

/// How sure a figure of ours is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// From what the portal has.
    Computed,
    /// The portal divides by a number that is not known here.
    Estimate,
    /// Something that takes points off is not known here.
    UpperBound,
    /// Nothing to divide by, or the catalogue does not say.
    NoData,
    /// Nothing here can know it; a person entered it.
    Entered,
    /// Nothing here can know it.
    Unknown,
}

impl Standing {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Estimate => "estimate",
            Self::UpperBound => "upper_bound",
            Self::NoData => "no_data",
            Self::Entered => "entered",
            Self::Unknown => "unknown",
        }
    }
}

macro_rules! indicators {
    ($($(#[$doc:meta])* $name:ident $code:literal $group:ident $max:literal $metric:literal;)+) => {
        /// An indicator that carries points.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Indicator { $($(#[$doc])* $name),+ }

        impl Indicator {
            /// All of them, in the portal's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code that people know it by.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// Its group.
            pub fn group(self) -> Group {
                match self { $(Self::$name => Group::$group),+ }
            }

            /// The most it can bring, in whole points.
            pub fn max(self) -> i64 {
                match self { $(Self::$name => $max),+ }
            }

            /// What the portal's own figures call it; empty where it has no such name.
            pub fn metric(self) -> &'static str {
                match self { $(Self::$name => $metric),+ }
            }
        }
    };
}

indicators! {
    /// Procedures published on time.
    PublishedOnTime "1.1" Publicity 6 "PUBLISH_ON_TIME";
    /// Procedures made public in the national database on time.
    MadePublicOnTime "1.2" Publicity 4 "PUBLIC_UPDATE_ON_TIME";
    /// Procedures with a complete description.
    Described "1.3" Publicity 2 "PUBLIC_CONTENT_FULL";
    /// Dossiers synced.
    Synced "1.4" Publicity 6 "DOSSIER_SYNC";
    /// Dossiers on time.
    OnTime "2.1" Progress 20 "";
    /// Procedures offered online.
    Offered "3.1" Online 2 "";
    /// Online services that had a dossier.
    Used "3.2" Online 4 "";
    /// Dossiers filed online.
    FiledOnline "3.3" Online 6 "";
    /// Fee procedures offered for online payment.
    PaymentOffered "3.5" Payment 2 "";
    /// Fee procedures with an online payment.
    PaymentUsed "3.5b" Payment 2 "";
    /// Dossiers paid online.
    PaidOnline "3.6" Payment 6 "";
    /// Electronic result issued.
    ElectronicResult "4.1" Digitisation 6 "ORIGINAL_RESULT_AVAILABLE";
    /// Dossier digitised.
    Digitised "4.2" Digitisation 4 "SO_HOA_GIAY_TO_GIAI_QUYET";
    /// Digitised data reused.
    Reused "4.3" Digitisation 2 "REUSED_DIGITIZED_DATA";
    /// Linked to the personal document store.
    FromStore "4.4" Digitisation 4 "SYNCED_WITH_DVCQG_PERSONAL_STORAGE";
    /// Procedures that use population data.
    PopulationProcedures "4.5a" Digitisation 2 "CITIZEN_DATA_CONNECTED_FORMALITY";
    /// Dossiers that use population data.
    PopulationDossiers "4.5b" Digitisation 2 "CITIZEN_DATA_CONNECTED_DOSSIER";
    /// Certified e-copies from originals.
    CertifiedCopies "4.x" Digitisation 2 "ELECTRONIC_CERTIFIED_COPY";
    /// Petitions handled on time.
    PetitionsOnTime "5.2" Satisfaction 6 "PETITION_PROCESSING_ON_TIME";
    /// Satisfaction with the handling of petitions.
    PetitionsSatisfied "5.3" Satisfaction 6 "PETITION_HANDLING_SATISFACTION";
    /// Satisfaction with the handling of dossiers.
    Satisfied "5.4" Satisfaction 6 "DOSSIER_RECEIVING_SATISFACTION";
}

impl Indicator {
    /// The indicator with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|i| i.code() == code)
    }

    /// The indicator that the portal's figures call so.
    pub fn from_metric(metric: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|i| !metric.is_empty() && i.metric() == metric)
    }

    /// Whether synced data and the catalogue allow it: 76 of the 100 points do.
    pub fn is_computable(self) -> bool {
        !matches!(
            self,
            Self::PublishedOnTime
                | Self::MadePublicOnTime
                | Self::CertifiedCopies
                | Self::PetitionsOnTime
                | Self::PetitionsSatisfied
        )
    }

    /// Whether it counts procedures of the catalogue and not dossiers.
    pub fn needs_catalogue(self) -> bool {
        matches!(
            self,
            Self::Described
                | Self::Offered
                | Self::Used
                | Self::PaymentOffered
                | Self::PaymentUsed
                | Self::PopulationProcedures
        )
    }

    /// Whether what a procedure asks for decides about each dossier: without a catalogue it is a guess.
    pub fn asks_catalogue(self) -> bool {
        matches!(self, Self::FiledOnline | Self::PaidOnline | Self::ElectronicResult | Self::Digitised)
    }

    /// Whether nothing to divide by means no points instead of no figure, as observed at the portal.
    pub fn is_zero_when_empty(self) -> bool {
        matches!(self, Self::PaymentOffered | Self::PaymentUsed | Self::PaidOnline | Self::Satisfied)
    }
}

impl Serialize for Indicator {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_six_of_a_hundred_points_can_be_computed() {
        let sum = |wanted: &dyn Fn(&Indicator) -> bool| -> i64 {
            Indicator::ALL.iter().filter(|i| wanted(i)).map(|i| Indicator::max(*i)).sum()
        };
        assert_eq!(sum(&|_| true), 100);
        assert_eq!(sum(&|i| i.is_computable()), 76);
        let groups = Group::ALL.map(|group| sum(&|i| i.group() == group));
        assert_eq!(groups, [18, 20, 12, 10, 22, 18]);
    }
}
