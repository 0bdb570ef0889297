//! What is read of certificates that rustls does not tell: when they expire, and their names.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// When it expires, in seconds since 1970; `None` where it cannot be read, or was before.
pub(super) fn expiry(certificate: &CertificateDer<'_>) -> Option<u64> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    u64::try_from(parsed.validity().not_after.timestamp()).ok()
}

/// Its subject's alternative names: DNS names, mail addresses, URIs and IP addresses, as texts.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = parse_x509_certificate(certificate) else {
        return Vec::new();
    };
    let extension = parsed.subject_alternative_name().ok().flatten();
    let names = extension.map(|extension| &extension.value.general_names);
    names.into_iter().flatten().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
            let v6 = <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
            v4.or(v6).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_and_names_are_read() {
        let names_given = ["scraper.example", "10.0.0.7", "::1"].map(str::to_owned);
        let mut params = rcgen::CertificateParams::new(names_given.to_vec()).expect("names");
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        assert_eq!(expiry(certificate.der()), Some(1_927_843_200));
        assert_eq!(names(certificate.der()), names_given);
        assert_eq!(expiry(&CertificateDer::from_slice(b"none")), None);
        assert!(names(&CertificateDer::from_slice(b"none")).is_empty());
    }
}
