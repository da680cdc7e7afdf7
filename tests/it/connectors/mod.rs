//! Connectors over the wire, against strict fakes of their platforms.
mod answers;
mod clock;
mod contract;
mod fake;
mod google;
mod hooks;
mod plausible;
mod program;
mod rig;
mod search_console;
mod stripe;
mod tiktok_ads;
