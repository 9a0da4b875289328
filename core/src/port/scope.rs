//! What a unit of work loads and locks before its decision.

use std::collections::BTreeSet;

use crate::{
    catalogue::Table,
    id::{ConnectorId, DossierCode, EventKey, LaneKey, OrderNumber, ParcelId, PaymentId, Reference, RowId},
    lane::LaneState,
    port::inbound::Identities,
};

/// What to load and lock. Locks are always taken in this order: dossiers, payments, parcels, lanes, plans of replays,
/// conditions of connectors; each by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Event keys whose content hashes are wanted.
    pub event_keys: BTreeSet<EventKey>,
    /// Dossiers by code or alias. Codes without a row are remembered as absent.
    pub dossiers: BTreeSet<DossierCode>,
    /// Past events of these dossiers (canonical codes or aliases), for late arrivals.
    pub history_of: BTreeSet<DossierCode>,
    /// Payments by id.
    pub payments: BTreeSet<PaymentId>,
    /// All payments of these dossiers (canonical codes).
    pub payments_of: BTreeSet<DossierCode>,
    /// Payments by one of their references.
    pub references: BTreeSet<(ConnectorId, Reference)>,
    /// Parcels by id.
    pub parcels: BTreeSet<ParcelId>,
    /// All parcels of these dossiers (canonical codes).
    pub parcels_of: BTreeSet<DossierCode>,
    /// Parcels by order number.
    pub orders: BTreeSet<(ConnectorId, OrderNumber)>,
    /// Lanes by key, whatever the connector.
    pub lanes: BTreeSet<LaneKey>,
    /// Lanes by the id of one of their operations (ended ones too; the ended operation itself is loaded as well).
    pub operations: BTreeSet<RowId>,
    /// Lanes that ask for something now.
    pub scan: Vec<Scan>,
    /// Connectors whose condition is wanted, with what is with their partner. Claims ask for it only where a limit holds
    /// for all replicas: whoever has it locked claims alone.
    pub partners: BTreeSet<ConnectorId>,
    /// Identities of callbacks that may have been applied before.
    pub callback_identities: BTreeSet<String>,
    /// Identities under which partners may have sent something before.
    pub inbound: Identities,
    /// Incidents by number.
    pub incidents: BTreeSet<RowId>,
    /// Quarantine entries by number.
    pub quarantine: BTreeSet<RowId>,
    /// Whether the dossier states of the lanes' heads, and of the open operations that the scope names, are wanted (see
    /// [`Work::states`](crate::port::work::Work::states)).
    pub head_states: bool,
    /// Plans of replays; who has a plan's lock has its items.
    pub replays: BTreeSet<RowId>,
    /// Items of those plans: plan, operation.
    pub replay_items: BTreeSet<(RowId, RowId)>,
    /// Lists of the catalogue, each whole: head and all entries.
    pub catalogue: BTreeSet<(ConnectorId, String)>,
    /// Single entries of lists, and the lists' heads.
    pub catalogue_entries: BTreeSet<(ConnectorId, String, String)>,
    /// Mappings of these codes of ours that were not withdrawn. Whoever has any of them is alone with all mappings.
    pub mappings: BTreeSet<(ConnectorId, Table, String)>,
    /// Mappings by number, withdrawn ones too.
    pub mapping_ids: BTreeSet<RowId>,
    /// What we believe of dossiers at a connector's partner, by their keys.
    pub expectations: BTreeSet<(ConnectorId, DossierCode)>,
    /// Discrepancies about these keys: the open ones, and the newest closed one of each kind.
    pub discrepancies: BTreeSet<(ConnectorId, String)>,
    /// Discrepancies by number.
    pub discrepancy_ids: BTreeSet<RowId>,
    /// Runs of the reconciliation.
    pub reconciliations: BTreeSet<RowId>,
    /// Operations about which a plan decides: their cases, read behind the locks of their lanes.
    pub cases: BTreeSet<RowId>,
}

/// Finds lanes by what they wait for; lanes locked by somebody else are passed over.
#[derive(Debug, Clone, PartialEq)]
pub enum Scan {
    /// Lanes of a connector in a state whose time has come, oldest first.
    Due {
        /// The connector instance.
        connector: ConnectorId,
        /// The state.
        state: LaneState,
        /// At most this many.
        limit: usize,
    },
    /// Running lanes of any connector whose lease has run out.
    LeaseExpired {
        /// At most this many.
        limit: usize,
    },
    /// Lanes with anything open above this row number, by number: a walk over all of them in bounded passes.
    Open {
        /// Only lanes above this number.
        after: RowId,
        /// At most this many.
        limit: usize,
    },
    /// Running lanes of one holder (a process that starts again under the same name, or gives back at its end).
    HeldBy {
        /// The holder.
        holder: String,
        /// At most this many.
        limit: usize,
    },
    /// Held lanes by their head's need: all whose key begins with this text. Only those of these connectors: lanes that
    /// nobody can carry on must not stand before those that somebody can.
    Need {
        /// The connector instances.
        connectors: Vec<ConnectorId>,
        /// The beginning of the need's text form.
        prefix: String,
        /// At most this many.
        limit: usize,
    },
}

impl Scope {
    /// Adds everything of another scope.
    pub fn merge(&mut self, other: Scope) {
        self.event_keys.extend(other.event_keys);
        self.dossiers.extend(other.dossiers);
        self.history_of.extend(other.history_of);
        self.payments.extend(other.payments);
        self.payments_of.extend(other.payments_of);
        self.references.extend(other.references);
        self.parcels.extend(other.parcels);
        self.parcels_of.extend(other.parcels_of);
        self.orders.extend(other.orders);
        self.lanes.extend(other.lanes);
        self.operations.extend(other.operations);
        self.scan.extend(other.scan);
        self.partners.extend(other.partners);
        self.callback_identities.extend(other.callback_identities);
        self.inbound.extend(other.inbound);
        self.incidents.extend(other.incidents);
        self.quarantine.extend(other.quarantine);
        self.head_states |= other.head_states;
        self.replays.extend(other.replays);
        self.replay_items.extend(other.replay_items);
        self.catalogue.extend(other.catalogue);
        self.catalogue_entries.extend(other.catalogue_entries);
        self.mappings.extend(other.mappings);
        self.mapping_ids.extend(other.mapping_ids);
        self.expectations.extend(other.expectations);
        self.discrepancies.extend(other.discrepancies);
        self.discrepancy_ids.extend(other.discrepancy_ids);
        self.reconciliations.extend(other.reconciliations);
        self.cases.extend(other.cases);
    }
}
