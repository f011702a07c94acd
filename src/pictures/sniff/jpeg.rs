//! JPEG (ITU-T T.81): segments that begin with a marker, and entropy-coded data after each start of scan.

use super::{MediaType, Odd, Picture, Reader, exif, finish};

/// Marker codes, the second byte after 0xff.
mod marker {
    pub(super) const TEM: u8 = 0x01;
    pub(super) const SOF0: u8 = 0xc0;
    pub(super) const SOF15: u8 = 0xcf;
    pub(super) const DHT: u8 = 0xc4;
    pub(super) const JPG: u8 = 0xc8;
    pub(super) const DAC: u8 = 0xcc;
    pub(super) const RST0: u8 = 0xd0;
    pub(super) const RST7: u8 = 0xd7;
    pub(super) const EOI: u8 = 0xd9;
    pub(super) const SOS: u8 = 0xda;
    pub(super) const DQT: u8 = 0xdb;
    pub(super) const DNL: u8 = 0xdc;
    pub(super) const DRI: u8 = 0xdd;
    pub(super) const APP0: u8 = 0xe0;
    pub(super) const APP1: u8 = 0xe1;
    pub(super) const APP2: u8 = 0xe2;
    pub(super) const APP14: u8 = 0xee;
    pub(super) const APP15: u8 = 0xef;
    pub(super) const COM: u8 = 0xfe;
}

pub(super) fn clean(bytes: &[u8]) -> Result<Picture, Odd> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(reader.take(2)?);
    let (mut size, mut scans, mut up) = (None, 0u32, None);
    loop {
        let code = next_marker(&mut reader)?;
        match code {
            marker::EOI => {
                out.extend_from_slice(&[0xff, marker::EOI]);
                break;
            }
            marker::TEM => continue,
            marker::RST0..=marker::RST7 => return Err(Odd::Damaged("a restart outside a scan")),
            _ => {}
        }
        let length = reader.u16_be()?.checked_sub(2).ok_or(Odd::Damaged("a segment's length"))?;
        let data = reader.take(usize::from(length))?;
        match code {
            marker::DHT | marker::DAC | marker::DQT | marker::DNL | marker::DRI => write(&mut out, code, data),
            marker::SOS => {
                if size.is_none() {
                    return Err(Odd::Damaged("a scan before its frame"));
                }
                scans += 1;
                write(&mut out, code, data);
                out.extend_from_slice(scan(&mut reader)?);
            }
            marker::JPG => return Err(Odd::Damaged("a reserved segment")),
            marker::SOF0..=marker::SOF15 if size.is_some() => return Err(Odd::Damaged("a second frame")),
            marker::SOF0..=marker::SOF15 => {
                size = Some(frame_size(data)?);
                write(&mut out, code, data);
            }
            marker::APP1 if data.starts_with(exif::HEAD) && up.is_none() => {
                up = exif::orientation(data);
                if let Some(up) = up {
                    write(&mut out, code, &[exif::HEAD, &up.tiff()].concat());
                }
            }
            marker::APP0..=marker::APP15 if is_kept(code, data) => write(&mut out, code, data),
            marker::APP0..=marker::APP15 | marker::COM => {}
            _ => return Err(Odd::Damaged("an unknown segment")),
        }
    }
    match size {
        Some(size) if scans > 0 => finish(MediaType::Jpeg, size, up.is_some_and(exif::Orientation::turns), out),
        _ => Err(Odd::Damaged("it holds no picture")),
    }
}

/// Application segments that decide how the picture looks.
fn is_kept(code: u8, data: &[u8]) -> bool {
    match code {
        marker::APP0 => data.starts_with(b"JFIF\0"),
        marker::APP2 => data.starts_with(b"ICC_PROFILE\0"),
        marker::APP14 => data.starts_with(b"Adobe"),
        _ => false,
    }
}

/// Any number of 0xff may stand before a marker's code.
fn next_marker(reader: &mut Reader<'_>) -> Result<u8, Odd> {
    if reader.byte()? != 0xff {
        return Err(Odd::Damaged("no marker where one must be"));
    }
    loop {
        match reader.byte()? {
            0xff => {}
            0x00 => return Err(Odd::Damaged("no marker where one must be")),
            code => return Ok(code),
        }
    }
}

/// Entropy-coded data up to the next marker that is no restart.
fn scan<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Odd> {
    let data = reader.rest;
    let is_end = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff | marker::RST0..=marker::RST7);
    let length = data.windows(2).position(is_end).ok_or(Odd::Truncated)?;
    reader.take(length)
}

fn write(out: &mut Vec<u8>, code: u8, data: &[u8]) {
    out.extend_from_slice(&[0xff, code]);
    out.extend_from_slice(&u16::try_from(data.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(data);
}

fn frame_size(data: &[u8]) -> Result<(u32, u32), Odd> {
    let mut reader = Reader::new(data);
    let _precision = reader.byte()?;
    let (height, width) = (reader.u16_be()?, reader.u16_be()?);
    Ok((width.into(), height.into()))
}
