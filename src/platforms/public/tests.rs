use super::*;

#[test]
fn only_public_addresses_with_tls_are_reached() {
    let public = |text: &str| is_public(&Url::parse(text).unwrap());
    for fine in [
        "https://plausible.io",
        "https://stats.fernhill.example/path",
        "https://203.0.113.7",
        "https://[2606:4700::6810:84e5]",
        "https://[::ffff:203.0.113.7]",
        "https://[64:ff9b::203.0.113.7]",
    ] {
        assert!(public(fine), "{fine}");
    }
    for refused in [
        "http://plausible.io",
        "https://localhost",
        "https://localhost.",
        "https://db.internal",
        "https://printer.local",
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://10.1.2.3",
        "https://172.16.0.1",
        "https://192.168.0.1",
        "https://169.254.169.254",
        "https://100.64.0.1",
        "https://192.0.0.1",
        "https://198.18.0.1",
        "https://240.0.0.1",
        "https://0.0.0.0",
        "https://[::]",
        "https://[::1]",
        "https://[::127.0.0.1]",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:10.0.0.1]",
        "https://[64:ff9b::10.0.0.1]",
        "https://[64:ff9b:1::1]",
        "https://[2002:7f00:1::]",
        "https://[2001::1]",
        "https://[fd00::1]",
        "https://[fe80::1]",
        "https://[fec0::1]",
        "https://[ff02::1]",
    ] {
        assert!(!public(refused), "{refused}");
    }
}

#[tokio::test]
async fn a_name_that_leads_into_this_network_is_not_connected_to_unless_it_is_allowed() {
    let look_up = |allowed: &[&str]| {
        let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
        PublicOnly { allowed: Arc::new(allowed) }.resolve("localhost".parse().unwrap())
    };
    let refused = look_up(&[]).await.err().unwrap().to_string();
    assert_eq!(refused, "the name leads into this network");
    assert!(look_up(&["localhost"]).await.unwrap().all(|address| address.ip().is_loopback()));
}
