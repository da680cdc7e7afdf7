//! Receiving: the socket and HTTP give the same envelope to the same code, which stores it before it acknowledges.
pub mod http;
pub mod socket;
