use super::{email_hash, email_hash_google, person};

#[test]
fn addresses_hash_to_the_published_vector() {
    let known = "\\xd159ef624ed86697b4f1f3ff086aacddfdfd42d463a8003694f775e1e2d95e2c";
    assert_eq!(email_hash(" User@Example.ORG "), known);
}

#[test]
fn google_drops_the_dots_of_its_own_addresses_and_of_no_others() {
    for address in ["Jo.Doe@gmail.com", " j.o.d.o.e@GMAIL.com "] {
        assert_eq!(email_hash_google(address), Some(email_hash("jodoe@gmail.com")), "{address}");
    }
    assert_eq!(email_hash_google("jo.doe@googlemail.com"), Some(email_hash("jodoe@googlemail.com")));
    for address in ["jodoe@gmail.com", "jo.doe@mail.example", "jo.doe@notgmail.com", "jo.doe"] {
        assert_eq!(email_hash_google(address), None, "{address}");
    }
}

#[test]
fn an_address_is_the_same_person_in_one_organisation_and_nobody_in_another() {
    let here = person("Jo@Mail.example", b"one organisation");
    assert_eq!(here.len(), 24);
    assert_eq!(here, person(" jo@mail.example ", b"one organisation"));
    assert_ne!(here, person("jo@mail.example", b"another"));
    assert!(!email_hash("jo@mail.example").contains(&here), "not the start of the plain hash");
}
