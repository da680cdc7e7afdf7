//! The state of a campaign, ad group or ad: what its owner set (`operation_status`) and what became of it
//! (`secondary_status`).

/// Ends of secondary states of things that deliver, or will again tomorrow: a budget of the day comes back.
const DELIVERING: [&str; 5] =
    ["STATUS_ENABLE", "DELIVERY_OK", "BUDGET_EXCEED", "CAMPAIGN_EXCEED", "ADGROUP_EXCEED"];

/// In our words (`connectors.md` §1.12); nothing for a word of TikTok's that we do not know. Something that is switched on
/// and yet does not deliver (in review, rejected, without money, not begun) is `unknown`: the raw words say why.
pub fn status(operation: &str, secondary: &str) -> Option<&'static str> {
    // A deleted campaign takes its ad groups and ads with it: `AD_STATUS_CAMPAIGN_DELETE`.
    if secondary.ends_with("_DELETE") || operation == "DELETE" {
        return Some("removed");
    }
    if secondary.ends_with("_DONE") {
        return Some("ended");
    }
    match operation {
        "DISABLE" => Some("paused"),
        // Frozen things can never be switched on again.
        "FROZEN" => Some("archived"),
        // Something above it is switched off.
        "ENABLE" if secondary.ends_with("_DISABLE") => Some("paused"),
        "ENABLE" if secondary.is_empty() || DELIVERING.iter().any(|end| secondary.ends_with(end)) => {
            Some("active")
        }
        "ENABLE" => Some("unknown"),
        _ => None,
    }
}
