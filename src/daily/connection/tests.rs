use super::*;

#[test]
fn only_public_addresses_with_tls_are_reached_unless_it_is_meant() {
    let public = |text: &str| is_public(&Url::parse(text).unwrap());
    for fine in ["https://plausible.io", "https://stats.fernhill.example/path", "https://203.0.113.7"] {
        assert!(public(fine), "{fine}");
    }
    for refused in [
        "http://plausible.io",
        "https://localhost",
        "https://db.internal",
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://10.1.2.3",
        "https://192.168.0.1",
        "https://169.254.169.254",
        "https://100.64.0.1",
        "https://0.0.0.0",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[fd00::1]",
        "https://[fe80::1]",
    ] {
        assert!(!public(refused), "{refused}");
    }
}
