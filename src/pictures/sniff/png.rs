//! PNG (third edition): a signature and chunks with checksums.

use super::{MediaType, Odd, Picture, Reader, exif, finish};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Optional chunks that decide how the picture looks, the animation's included. All others are dropped.
const KEPT: [&[u8; 4]; 15] = [
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs", b"hIST",
    b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn clean(bytes: &[u8]) -> Result<Picture, Odd> {
    let mut reader = Reader::new(bytes);
    if reader.take(SIGNATURE.len())? != SIGNATURE {
        return Err(Odd::Damaged("PNG signature"));
    }
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(SIGNATURE);
    let (kind, header) = chunk(&mut reader)?;
    if &kind != b"IHDR" {
        return Err(Odd::Damaged("it does not begin with IHDR"));
    }
    let size = size(header)?;
    write(&mut out, kind, header);
    let (mut has_data, mut up) = (false, None);
    loop {
        let (kind, data) = chunk(&mut reader)?;
        match &kind {
            b"IEND" if !has_data => return Err(Odd::Damaged("it has no IDAT")),
            b"IEND" => {
                write(&mut out, kind, &[]);
                break;
            }
            b"IHDR" => return Err(Odd::Damaged("a second IHDR")),
            b"IDAT" => {
                has_data = true;
                write(&mut out, kind, data);
            }
            b"PLTE" => write(&mut out, kind, data),
            b"eXIf" if up.is_none() => {
                up = exif::orientation(data);
                if let Some(up) = up {
                    write(&mut out, kind, &up.tiff());
                }
            }
            // A chunk whose name begins with a capital is needed to show the picture, and we do not know it.
            [b'A'..=b'Z', ..] => return Err(Odd::Damaged("an unknown critical chunk")),
            _ if KEPT.contains(&&kind) => write(&mut out, kind, data),
            _ => {}
        }
    }
    finish(MediaType::Png, size, up.is_some_and(exif::Orientation::turns), out)
}

fn chunk<'a>(reader: &mut Reader<'a>) -> Result<([u8; 4], &'a [u8]), Odd> {
    let length = reader.u32_be()?;
    let kind = reader.array()?;
    let data = reader.counted(length)?;
    if reader.u32_be()? != checksum(kind, data) {
        return Err(Odd::Damaged("a chunk's checksum"));
    }
    Ok((kind, data))
}

fn write(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&kind);
    out.extend_from_slice(data);
    out.extend_from_slice(&checksum(kind, data).to_be_bytes());
}

fn checksum(kind: [u8; 4], data: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&kind);
    hasher.update(data);
    hasher.finalize()
}

fn size(header: &[u8]) -> Result<(u32, u32), Odd> {
    let mut reader = Reader::new(header);
    let size = (reader.u32_be()?, reader.u32_be()?);
    let [depth, colour, compression, filter, interlace] = reader.array()?;
    let known = matches!(depth, 1 | 2 | 4 | 8 | 16)
        && matches!(colour, 0 | 2 | 3 | 4 | 6)
        && compression == 0
        && filter == 0
        && interlace <= 1
        && reader.is_empty();
    if known { Ok(size) } else { Err(Odd::Damaged("IHDR")) }
}
