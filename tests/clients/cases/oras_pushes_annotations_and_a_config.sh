needs oras
echo some text >text
echo more >more
echo '{"a":1}' >config.json
oras push --plain-http --config config.json:application/vnd.example.config -a org.example.who=ana "$REGISTRY/$N:1" text
oras manifest fetch --plain-http "$REGISTRY/$N:1" >manifest
expect_eq "$(jq -r '.annotations["org.example.who"]' manifest)" ana
expect_eq "$(oras manifest fetch-config --plain-http "$REGISTRY/$N:1")" '{"a":1}'
