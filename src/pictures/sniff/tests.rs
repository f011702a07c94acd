//! Samples made by ffmpeg, with and without what cameras add; and any bytes at all.

use proptest::prelude::*;

use super::*;

const PNG: &[u8] = include_bytes!("../../../tests/pictures/still.png");
const JPEG: &[u8] = include_bytes!("../../../tests/pictures/still.jpg");
const WEBP: &[u8] = include_bytes!("../../../tests/pictures/still.webp");
const WEBP_LOSSLESS: &[u8] = include_bytes!("../../../tests/pictures/lossless.webp");
const WEBP_MOVING: &[u8] = include_bytes!("../../../tests/pictures/moving.webp");
const GIF: &[u8] = include_bytes!("../../../tests/pictures/moving.gif");
const ALL: [(&[u8], MediaType); 6] = [
    (PNG, MediaType::Png),
    (JPEG, MediaType::Jpeg),
    (WEBP, MediaType::Webp),
    (WEBP_LOSSLESS, MediaType::Webp),
    (WEBP_MOVING, MediaType::Webp),
    (GIF, MediaType::Gif),
];
/// Stands for a place in a camera's data.
const SECRET: &[u8] = b"48.8584 N 2.2945 E";

/// TIFF data with a turned picture and a secret behind it.
fn camera_tiff(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    tiff[19] = orientation;
    tiff.extend_from_slice(SECRET);
    tiff
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn segment(code: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("short").to_be_bytes();
    [&[0xff, code], &length[..], data].concat()
}

fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short").to_be_bytes();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(kind);
    hasher.update(data);
    [&length[..], kind, data, &hasher.finalize().to_be_bytes()].concat()
}

fn riff_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("short").to_le_bytes();
    let pad = vec![0; data.len() % 2];
    [&kind[..], &length, data, &pad].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let length = u32::try_from(body.len() + 4).expect("short").to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &body].concat()
}

#[test]
fn each_kind_is_known_with_its_size() {
    for (bytes, media_type) in ALL {
        let picture = clean(bytes).expect("a picture");
        assert_eq!((picture.media_type, picture.width, picture.height), (media_type, 64, 48));
        assert_eq!(MediaType::from_name(media_type.as_str()), Some(media_type));
        assert_eq!(
            clean(&picture.bytes),
            Ok(picture.clone()),
            "what is kept is a picture, and nothing is left to drop"
        );
    }
    // Nothing of these had to go.
    for bytes in [WEBP, WEBP_LOSSLESS, WEBP_MOVING, GIF] {
        assert_eq!(clean(bytes).expect("a picture").bytes, bytes);
    }
}

#[test]
fn what_is_no_picture_is_refused() {
    for bytes in [&b""[..], b"GIF", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\0\0\0\x18ftypheic"] {
        assert_eq!(clean(bytes), Err(Odd::Unknown));
    }
}

#[test]
fn every_cut_is_noticed() {
    for (bytes, media_type) in ALL {
        for length in 0..bytes.len() {
            let cut = clean(&bytes[..length]);
            assert!(
                matches!(cut, Err(Odd::Truncated | Odd::Unknown | Odd::Damaged(_))),
                "{media_type:?} cut to {length} of {}: {cut:?}",
                bytes.len()
            );
        }
    }
}

#[test]
fn what_follows_the_end_is_dropped() {
    for (bytes, media_type) in ALL {
        let longer = [bytes, b"<script>", SECRET].concat();
        assert_eq!(clean(&longer), clean(bytes), "{media_type:?}");
    }
}

#[test]
fn a_jpeg_loses_all_but_its_picture_and_its_orientation() {
    let app1 = segment(0xe1, &[exif::HEAD, &camera_tiff(6)].concat());
    let xmp = segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat());
    let profile = segment(0xe2, b"ICC_PROFILE\0\x01\x01colours");
    let more = segment(0xe2, &[b"MPF\0", SECRET].concat());
    let iptc = segment(0xed, &[b"Photoshop 3.0\0", SECRET].concat());
    let comment = segment(0xfe, SECRET);
    let photo = [&JPEG[..2], &app1, &xmp, &profile, &more, &iptc, &comment, &JPEG[2..]].concat();
    let picture = clean(&photo).expect("a picture");
    assert!(!holds(&picture.bytes, SECRET) && !holds(&picture.bytes, b"Lavc"));
    assert!(holds(&picture.bytes, b"ICC_PROFILE\0"), "its colours stay");
    assert_eq!((picture.width, picture.height), (48, 64), "turned by a quarter");
    let expected = segment(0xe1, &[exif::HEAD, &camera_tiff(6)[..26]].concat());
    assert!(holds(&picture.bytes, &expected), "which way is up stays");
    let scan = JPEG.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
    assert!(picture.bytes.ends_with(&JPEG[scan..]), "the pixels stay");
}

#[test]
fn a_png_loses_texts_and_times() {
    let (head, rest) = PNG.split_at(8 + 25);
    let chunks = [
        png_chunk(b"eXIf", &camera_tiff(3)),
        png_chunk(b"tEXt", &[b"Comment\0", SECRET].concat()),
        png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0", SECRET].concat()),
        png_chunk(b"tIME", &[7, 230, 1, 1, 0, 0, 0]),
        png_chunk(b"gAMA", &45_455u32.to_be_bytes()),
        png_chunk(b"prVt", SECRET),
    ];
    let picture = clean(&[head, &chunks.concat(), rest].concat()).expect("a picture");
    assert!(!holds(&picture.bytes, SECRET) && !holds(&picture.bytes, b"tIME"));
    assert!(holds(&picture.bytes, b"gAMA") && holds(&picture.bytes, b"eXIf"));
    assert_eq!((picture.width, picture.height), (64, 48), "upside down is as wide");
    let unknown = [head, &png_chunk(b"NEWx", b""), rest].concat();
    assert_eq!(clean(&unknown), Err(Odd::Damaged("an unknown critical chunk")));
    let mut damaged = PNG.to_vec();
    let last = damaged.len() - 20;
    damaged[last] ^= 1;
    assert_eq!(clean(&damaged), Err(Odd::Damaged("a chunk's checksum")));
}

#[test]
fn a_webp_loses_exif_and_xmp() {
    let canvas = [&[0x0c, 0, 0, 0][..], &[63, 0, 0], &[47, 0, 0]].concat();
    let photo = riff(&[
        riff_chunk(b"VP8X", &canvas),
        WEBP[12..].to_vec(),
        riff_chunk(b"EXIF", &camera_tiff(8)),
        riff_chunk(b"XMP ", SECRET),
        riff_chunk(b"priv", SECRET),
    ]);
    let picture = clean(&photo).expect("a picture");
    assert!(!holds(&picture.bytes, SECRET) && !holds(&picture.bytes, b"XMP "));
    assert_eq!((picture.width, picture.height), (48, 64));
    assert_eq!(picture.bytes[20], 0x08, "the flags say what is there");
    let other = [&[0, 0, 0, 0][..], &[60, 0, 0], &[47, 0, 0]].concat();
    let contradiction = riff(&[riff_chunk(b"VP8X", &other), WEBP[12..].to_vec()]);
    assert_eq!(clean(&contradiction), Err(Odd::Damaged("the picture and its canvas differ")));
}

#[test]
fn a_gif_loses_its_comments() {
    let head = 13 + 3 * (2usize << (GIF[10] & 7)) * usize::from(GIF[10] >> 7);
    let comment = [&[0x21, 0xfe, u8::try_from(SECRET.len()).expect("short")][..], SECRET, &[0]].concat();
    let told = [&GIF[..head], &comment, &GIF[head..]].concat();
    assert_eq!(clean(&told).expect("a picture").bytes, GIF);
}

#[test]
fn too_many_pixels_are_refused() {
    let wide = PICTURE_SIDE_MAX + 1;
    let header = [&wide.to_be_bytes()[..], &1u32.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let png = [&PNG[..8], &png_chunk(b"IHDR", &header), &png_chunk(b"IDAT", b"x"), &png_chunk(b"IEND", b"")].concat();
    assert_eq!(clean(&png), Err(Odd::TooLarge { width: wide, height: 1 }));
    let mut gif = GIF.to_vec();
    gif[6..8].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(clean(&gif), Err(Odd::TooLarge { width: 65_535, height: 48 }));
    gif[6..8].copy_from_slice(&[0, 0]);
    assert_eq!(clean(&gif), Err(Odd::Damaged("it has no size")));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0usize..6) {
        let _ = clean(&bytes);
        let head = ALL[kind].0;
        let _ = clean(&[&head[..12.min(head.len())], &bytes[..]].concat());
    }

    #[test]
    fn any_change_is_survived(kind in 0usize..6, at in any::<prop::sample::Index>(), with in any::<u8>(), gone in 0usize..9) {
        let mut bytes = ALL[kind].0.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = with;
        bytes.drain(at..(at + gone).min(bytes.len()));
        if let Ok(picture) = clean(&bytes) {
            prop_assert!(picture.width > 0 && picture.height > 0);
            prop_assert!(clean(&picture.bytes).is_ok(), "what is kept can be read again");
        }
    }
}
