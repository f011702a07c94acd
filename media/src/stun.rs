//! Reads the one thing needed to find a STUN message's peer: the local ICE user name fragment in its USERNAME.
//!
//! Nothing is authenticated here; the transport checks MESSAGE-INTEGRITY.

/// STUN's fixed value in bytes 4 to 8, RFC 8489 section 5.
pub(crate) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Length of the STUN header, bytes.
pub(crate) const HEADER_BYTES: usize = 20;
/// Attribute type USERNAME, RFC 8489 section 14.3.
const USERNAME: u16 = 0x0006;

/// Whether the datagram is a STUN message, by RFC 7983's first byte and STUN's magic cookie.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_BYTES && datagram[0] < 2 && datagram[4..8] == MAGIC_COOKIE
}

/// The part of USERNAME before the colon: in a check sent to us, our user name fragment (RFC 8445 section 7.2.2).
/// None for messages without USERNAME, such as responses, and for anything malformed.
pub fn local_ufrag(datagram: &[u8]) -> Option<&str> {
    if !is_stun(datagram) {
        return None;
    }
    let mut rest = &datagram[HEADER_BYTES..];
    while rest.len() >= 4 {
        let kind = u16::from_be_bytes([rest[0], rest[1]]);
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let value = rest.get(4..4 + length)?;
        if kind == USERNAME {
            let name = std::str::from_utf8(value).ok()?;
            return name.split_once(':').map(|(local, _)| local);
        }
        // Attributes are padded to four bytes.
        rest = rest.get(4 + length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut m = vec![0, 1, 0, 0];
        m.extend_from_slice(&MAGIC_COOKIE);
        m.extend_from_slice(&[7; 12]);
        for (kind, value) in attributes {
            m.extend_from_slice(&kind.to_be_bytes());
            m.extend_from_slice(&(value.len() as u16).to_be_bytes());
            m.extend_from_slice(value);
            m.resize(m.len().next_multiple_of(4), 0);
        }
        m
    }

    #[test]
    fn finds_the_user_name_behind_another_attribute() {
        let m = message(&[(0x8022, b"agent"), (USERNAME, b"abcd:efgh")]);
        assert_eq!(local_ufrag(&m), Some("abcd"));
    }

    #[test]
    fn answers_without_user_name_have_none() {
        assert_eq!(local_ufrag(&message(&[(0x0020, &[0; 8])])), None);
        assert_eq!(local_ufrag(&message(&[(USERNAME, b"nocolon")])), None);
        assert_eq!(local_ufrag(b"\x16\xfe\xfd"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = local_ufrag(&bytes);
            let mut stun = message(&[]);
            stun.extend_from_slice(&bytes);
            let _ = local_ufrag(&stun);
        }
    }
}
