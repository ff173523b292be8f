//! From PKCS#8, SEC1 and PKCS#1 structures to a checked key in canonical form.

use jadegate_tongsuo::openssl::bn::{BigNum, BigNumContext};
use jadegate_tongsuo::openssl::ec::{EcKey, EcPoint, PointConversionForm};
use jadegate_tongsuo::openssl::error::ErrorStack;
use jadegate_tongsuo::openssl::pkey::{Id, PKey};
use jadegate_tongsuo::openssl::rsa::Rsa;
use zeroize::Zeroizing;

use std::sync::Arc;

use super::public::{Curve, OID_EC, OID_ED25519, OID_RSA, OID_SM2, bits, curve, name};
use super::{Inner, KeyError, KeyKind, KeyProblem, MAX_RSA_BITS, MIN_RSA_BITS, PrivateKey};
use crate::der::{self, Reader};

/// Reads PrivateKeyInfo (PKCS#8) or OneAsymmetricKey (RFC 5958).
pub(super) fn pkcs8(input: &[u8]) -> Result<PrivateKey, KeyError> {
    let bad = KeyError::malformed("PKCS#8 structure");
    let mut outer = der::whole_sequence(input).map_err(&bad)?;
    if outer.small().map_err(&bad)? > 1 {
        return Err(KeyError::Malformed("PKCS#8 structure"));
    }
    let mut algorithm = outer.sequence().map_err(&bad)?;
    let key = outer.expect(der::OCTET_STRING).map_err(&bad)?;
    // Attributes and a public key may follow; they are dropped from the canonical form, and the public half is
    // computed from the private one.
    outer.optional(der::context(0)).map_err(&bad)?;
    outer.optional(0x81).map_err(&bad)?;
    outer.end().map_err(&bad)?;
    let oid = algorithm.expect(der::OID).map_err(&bad)?;
    match oid {
        OID_RSA => rsa(key),
        OID_EC | OID_SM2 => {
            let curve = curve(oid, &mut algorithm).map_err(curve_error)?;
            sec1(key, Some(curve))
        }
        OID_ED25519 => ed25519(key),
        other => Err(KeyError::UnsupportedAlgorithm(name(other))),
    }
}

fn curve_error(problem: KeyProblem) -> KeyError {
    match problem {
        KeyProblem::ExplicitCurve => KeyError::ExplicitCurve,
        KeyProblem::UnknownCurve(curve) => KeyError::UnsupportedCurve(curve),
        KeyProblem::UnknownAlgorithm(algorithm) => KeyError::UnsupportedAlgorithm(algorithm),
        KeyProblem::Malformed | KeyProblem::BadPoint => KeyError::Malformed("key parameters"),
    }
}

/// Reads ECPrivateKey (SEC1). `known` is the curve that an enclosing PKCS#8 names.
pub(super) fn sec1(input: &[u8], known: Option<Curve>) -> Result<PrivateKey, KeyError> {
    let bad = KeyError::malformed("SEC1 structure");
    let mut outer = der::whole_sequence(input).map_err(&bad)?;
    if outer.small().map_err(&bad)? != 1 {
        return Err(KeyError::Malformed("SEC1 structure"));
    }
    let secret = outer.expect(der::OCTET_STRING).map_err(&bad)?;
    let named = match outer.optional(der::context(0)).map_err(&bad)? {
        Some(parameters) => Some(curve(OID_EC, &mut Reader::new(parameters)).map_err(curve_error)?),
        None => None,
    };
    let public = match outer.optional(der::context(1)).map_err(&bad)? {
        Some(field) => Some(Reader::new(field).bits().map_err(&bad)?),
        None => None,
    };
    outer.end().map_err(&bad)?;
    let curve = match (known, named) {
        (Some(known), Some(named)) if known != named => return Err(KeyError::Malformed("curve of the key")),
        (Some(curve), _) | (None, Some(curve)) => curve,
        (None, None) => return Err(KeyError::MissingCurve),
    };
    elliptic(curve, secret, public)
}

fn elliptic(curve: Curve, secret: &[u8], claimed: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
    let secret = fixed_width(secret, curve.octets()).ok_or_else(|| KeyError::OutOfRange(curve.kind()))?;
    let group = curve.group()?;
    let mut context = BigNumContext::new_secure()?;
    let mut number = secret_number(&secret)?;
    let built = (|| -> Result<_, KeyError> {
        if !in_range(curve, &number)? {
            return Err(KeyError::OutOfRange(curve.kind()));
        }
        let mut point = EcPoint::new(group)?;
        point.mul_generator2(group, &number, &mut context)?;
        let key = EcKey::from_private_components(group, &number, &point)?;
        let mut encode = |form| point.to_bytes(group, form, &mut context);
        let public = encode(PointConversionForm::UNCOMPRESSED)?;
        if let Some(claimed) = claimed
            && claimed != public
            && claimed != encode(PointConversionForm::COMPRESSED)?
        {
            return Err(KeyError::PublicHalfDiffers(curve.kind()));
        }
        Ok((PKey::from_ec_key(key)?, public))
    })();
    number.clear();
    let (engine, public) = built?;

    let algorithm =
        der::element(der::SEQUENCE, &[&der::element(der::OID, &[OID_EC]), &der::element(der::OID, &[curve.oid()])]);
    let public_bits = der::element(der::BIT_STRING, &[&[0], &public]);
    let inner = der::element(
        der::SEQUENCE,
        &[
            &der::integer(&[1]),
            &der::element(der::OCTET_STRING, &[&secret]),
            &der::element(der::context(1), &[&public_bits]),
        ],
    );
    Ok(PrivateKey(Arc::new(Inner {
        kind: curve.kind(),
        pkcs8: wrap(&algorithm, &inner),
        spki: der::element(der::SEQUENCE, &[&algorithm, &public_bits]).to_vec(),
        engine,
    })))
}

/// A number that libcrypto treats as a secret: without the mark, handing a key over to its provider leaves a copy of the
/// number in freed memory.
fn secret_number(octets: &[u8]) -> Result<BigNum, ErrorStack> {
    let mut number = BigNum::new_secure()?;
    number.copy_from_slice(octets)?;
    Ok(number)
}

/// ECDSA wants d in [1, n-1], SM2 wants d in [1, n-2] because it inverts 1 + d (GB/T 32918.1).
fn in_range(curve: Curve, number: &BigNum) -> Result<bool, ErrorStack> {
    let mut limit = BigNum::new()?;
    let mut context = BigNumContext::new()?;
    curve.group()?.order(&mut limit, &mut context)?;
    if curve == Curve::Sm2 {
        limit.sub_word(1)?;
    }
    Ok(number.num_bits() > 0 && **number < *limit)
}

/// Left-pads or strips zeros to the exact width; `None` when the number is wider.
fn fixed_width(number: &[u8], width: usize) -> Option<Zeroizing<Vec<u8>>> {
    let start = number.iter().position(|octet| *octet != 0).unwrap_or(number.len());
    let digits = &number[start..];
    let mut out = Zeroizing::new(vec![0; width]);
    out.get_mut(width.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some(out)
}

fn ed25519(key: &[u8]) -> Result<PrivateKey, KeyError> {
    let bad = KeyError::malformed("Ed25519 key");
    let mut reader = Reader::new(key);
    let seed = reader.expect(der::OCTET_STRING).map_err(&bad)?;
    reader.end().map_err(&bad)?;
    if seed.len() != 32 {
        return Err(KeyError::Malformed("Ed25519 key"));
    }
    let engine = PKey::private_key_from_raw_bytes(seed, Id::ED25519)?;
    let algorithm = der::element(der::SEQUENCE, &[&der::element(der::OID, &[OID_ED25519])]);
    let public = der::element(der::BIT_STRING, &[&[0], &engine.raw_public_key()?]);
    Ok(PrivateKey(Arc::new(Inner {
        kind: KeyKind::Ed25519,
        pkcs8: wrap(&algorithm, &der::element(der::OCTET_STRING, &[seed])),
        spki: der::element(der::SEQUENCE, &[&algorithm, &public]).to_vec(),
        engine,
    })))
}

/// Reads RSAPrivateKey (PKCS#1).
pub(super) fn rsa(input: &[u8]) -> Result<PrivateKey, KeyError> {
    let bad = KeyError::malformed("PKCS#1 structure");
    let mut outer = der::whole_sequence(input).map_err(&bad)?;
    if outer.small().map_err(&bad)? != 0 {
        return Err(KeyError::UnsupportedAlgorithm("RSA with more than two primes".to_owned()));
    }
    let mut numbers = [&[][..]; 8];
    for number in &mut numbers {
        *number = outer.unsigned().map_err(&bad)?;
    }
    outer.end().map_err(&bad)?;
    let bits = bits(numbers[0]).map_err(&bad)?;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(KeyError::RsaSize { bits });
    }
    let [n, e, d, p, q, dp, dq, qi] = numbers;
    let key = Rsa::from_private_components(
        BigNum::from_slice(n)?,
        BigNum::from_slice(e)?,
        secret_number(d)?,
        secret_number(p)?,
        secret_number(q)?,
        secret_number(dp)?,
        secret_number(dq)?,
        secret_number(qi)?,
    )?;
    // An even modulus or a bad prime makes the check fail with an error rather than with "no".
    if !key.check_key().unwrap_or(false) {
        return Err(KeyError::InconsistentRsa);
    }
    let algorithm = der::element(der::SEQUENCE, &[&der::element(der::OID, &[OID_RSA]), &der::element(der::NULL, &[])]);
    let public = der::element(der::SEQUENCE, &[&der::integer(n), &der::integer(e)]);
    let public_bits = der::element(der::BIT_STRING, &[&[0], &public]);
    Ok(PrivateKey(Arc::new(Inner {
        kind: KeyKind::Rsa { bits },
        pkcs8: wrap(&algorithm, input),
        spki: der::element(der::SEQUENCE, &[&algorithm, &public_bits]).to_vec(),
        engine: PKey::from_rsa(key)?,
    })))
}

/// PrivateKeyInfo around an algorithm and its key structure.
fn wrap(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    der::element(der::SEQUENCE, &[&der::integer(&[0]), algorithm, &der::element(der::OCTET_STRING, &[key])])
}
