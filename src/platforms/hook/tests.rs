use super::*;

fn incoming<'a>(headers: &'a HeaderMap, path_token: Option<&'a str>) -> Incoming<'a> {
    Incoming { headers, body: b"", path_token, now: Timestamp::UNIX_EPOCH }
}

// The first test case of RFC 4231 with a key that is text: case 2.
#[test]
fn a_mac_of_the_standard_fits_and_a_flipped_bit_does_not() {
    let secret = SecretString::from("Jefe");
    let mac = hex32("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
    assert!(fits(&secret, &[b"what do ya want ", b"for nothing?"], &mac));
    for bit in 0..256 {
        let mut flipped = mac;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!fits(&secret, &[b"what do ya want for nothing?"], &flipped), "{bit}");
    }
    assert!(!fits(&secret, &[b"what do ya want for nothing?"], &mac[..31]));
    assert!(!fits(&secret, &[b"what do ya want for nothing?"], b""));
}

#[test]
fn only_whole_lower_case_hexadecimal_is_read() {
    let good = "00".repeat(31) + "ff";
    assert_eq!(hex32(&good).unwrap()[31], 255);
    for bad in [&good[..63], &good.to_uppercase(), &format!("{good}0"), "", &"g".repeat(64)] {
        assert_eq!(hex32(bad), None, "{bad}");
    }
}

#[test]
fn a_token_of_the_path_is_the_whole_one_or_none() {
    let (headers, token) = (HeaderMap::new(), SecretString::from("a-token-of-the-path"));
    assert!(path_token_fits(&incoming(&headers, Some("a-token-of-the-path")), &token));
    for other in [
        None,
        Some(""),
        Some("a-token-of-the-pat"),
        Some("a-token-of-the-pathh"),
        Some("A-token-of-the-path"),
    ] {
        assert!(!path_token_fits(&incoming(&headers, other), &token), "{other:?}");
    }
}

#[test]
fn the_skew_is_absolute() {
    let now = Timestamp::from_second(1_000_000).unwrap();
    for (signed, good) in [(-300, true), (300, true), (0, true), (-301, false), (301, false), (86_400, false)]
    {
        assert_eq!(fresh(1_000_000 + signed, now), good, "{signed}");
    }
    assert!(!fresh(i64::MIN, now) && !fresh(i64::MAX, now));
}

#[test]
fn a_header_that_stands_twice_is_none() {
    let mut headers = HeaderMap::new();
    assert_eq!(only(&headers, "x-signed"), Err(Refused::Missing));
    headers.append("x-signed", "one".parse().unwrap());
    assert_eq!(only(&headers, "x-signed"), Ok("one"));
    headers.append("x-signed", "one".parse().unwrap());
    assert_eq!(only(&headers, "x-signed"), Err(Refused::Form));
}
