needs skopeo
layout sample
openssl genrsa -out key.pem 2048 2>/dev/null
openssl rsa -in key.pem -pubout -out public.pem 2>/dev/null
skopeo copy -q --encryption-key jwe:public.pem oci:sample:multi "docker://$REGISTRY/$N:secret"
expect_contains "$(raw "$REGISTRY/$N:secret" | jq -r '.layers[0].mediaType')" +encrypted
skopeo copy -q --decryption-key key.pem "docker://$REGISTRY/$N:secret" oci:back:plain
expect_contains "$(zcat back/blobs/sha256/* 2>/dev/null | tr -d '\0')" "$N"
