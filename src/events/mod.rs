//! The event API without its storage (`events.md`): the registry as data, and the judgement of one item. Pure: no I/O, no
//! clock, no randomness.
mod canonical;
mod check;
pub mod consent;
mod event;
pub mod fault;
pub mod ingest;
mod instant;
pub mod json;
mod lists;
mod number;
pub mod pii;
pub mod quality;
pub mod registry;

pub use check::{MAX_BYTES, check};
pub use event::{Event, Fault, Quality, Rejection, Rules, Warning};
pub use lists::{
    ActorType, Channel, ConsentChannel, ConsentMethod, ConsentStatus, EntityKind, PiiMode, SlaClass, Source,
    Via,
};
pub use registry::{Custom, Definition, Property, Registry, RegistryFault};
