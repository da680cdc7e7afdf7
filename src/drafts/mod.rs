//! Drafts: lifecycle, guardrails, review policy, diff. Mints `Approved`; knows no platform.
