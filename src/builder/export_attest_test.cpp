// What is attested of images and of files, where that is asked for.
#include "builder/export_fixture.h"
#include "codec/hash.h"

namespace skiff::builder {
namespace {

// The statements about the only image, by predicate type.
std::map<std::string, json::Value> statements_of(images::ImageStore& images,
                                                 const oci::Descriptor& target) {
  std::map<std::string, json::Value> out;
  const auto index = oci::Index::parse(*content::read_blob(images.content(), target.digest));
  EXPECT_TRUE(index);
  if (!index || index->manifests.size() != 2) return out;
  const oci::Descriptor& entry = index->manifests[1];
  EXPECT_EQ(entry.platform->str(), "unknown/unknown");
  EXPECT_EQ(entry.annotations.at("vnd.docker.reference.digest"), index->manifests[0].digest.str());
  const auto manifest = oci::Manifest::parse(*content::read_blob(images.content(), entry.digest));
  EXPECT_EQ(manifest->subject->digest, index->manifests[0].digest);
  for (const oci::Descriptor& layer : manifest->layers) {
    out[layer.annotations.at("in-toto.io/predicate-type")] =
        *json::parse(*content::read_blob(images.content(), layer.digest));
  }
  return out;
}

TEST_F(ExportTest, AttestationsStandBesideTheImage) {
  write("status",
        "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n"
        "Description: a shell\n of many words\n\nPackage: gone\nStatus: deinstall ok "
        "config-files\nVersion: 1\n");
  write("package.json", R"({"name": "@scope/left-pad", "version": "1.0", "license": "MIT"})");
  write("METADATA", "Metadata-Version: 2.1\nName: Some_Thing\nVersion: 2.0\n\nName: no\n");
  write("installed", "C:x\nP:musl\nV:1.2-r0\nA:x86_64\nL:MIT\n\n");
  const std::string plain = built(wanted(OutputType::kImage)).manifest.digest.str();
  BuildRequest attested = request(
      "FROM test:1\nARG TOKEN\nCOPY status /var/lib/dpkg/status\nCOPY package.json "
      "/app/node_modules/@scope/left-pad/package.json\nCOPY METADATA "
      "/usr/lib/python3/some-2.0.dist-info/METADATA\nCOPY installed /lib/apk/db/installed\n");
  attested.tags = {*oci::Reference::parse("attested:1")};
  attested.build_args["TOKEN"] = "hunter2";
  const auto before = build(attested);
  attested.attestations = {.provenance = true, .provenance_args = false, .sbom = true};
  const auto result = build(attested);
  ASSERT_TRUE(result) << result.error().message();
  const auto image = images_->find("attested:1");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->id, before->id);
  // The statements name its digest: it is as it will leave.
  for (const auto& layer : image->manifest_doc.layers) {
    EXPECT_EQ(layer.media_type, oci::kMediaTypeLayerGzip);
  }
  auto statements = statements_of(*images_, result->target);
  ASSERT_EQ(statements.size(), 2U);
  const json::Value& provenance = statements["https://slsa.dev/provenance/v1"];
  EXPECT_EQ(provenance.array("subject")[0].string("name"),
            "pkg:docker/attested@1?platform=linux%2Famd64");
  EXPECT_NE(
      provenance.dump().find(cat("pkg:docker/test@1?platform=linux%2Famd64\",\"digest\":{\"sha256"
                                 "\":\"",
                                 plain.substr(7))),
      std::string::npos)
      << provenance.dump();
  EXPECT_EQ(provenance.dump().find("hunter2"), std::string::npos);
  std::vector<std::string> urls;
  const json::Value sbom(statements["https://spdx.dev/Document"].object("predicate"));
  for (const json::Value& package : sbom.array("packages")) {
    urls.push_back(package.array("externalRefs")[0].string("referenceLocator"));
  }
  EXPECT_EQ(urls,
            (std::vector<std::string>{"pkg:apk/alpine/musl@1.2-r0?arch=x86_64",
                                      "pkg:deb/debian/bash@5.2-1?arch=amd64",
                                      "pkg:npm/%40scope/left-pad@1.0", "pkg:pypi/some-thing@2.0"}));
  EXPECT_EQ(sbom.array("packages")[0].string("licenseDeclared"), "MIT");
}

TEST_F(ExportTest, AttestationsAreImagesWhereNoArtifactIsWanted) {
  BuildRequest attested = wanted(OutputType::kImage, {{"oci-artifact", "false"}});
  attested.attestations = {.provenance = true};
  const auto result = build(attested);
  ASSERT_TRUE(result) << result.error().message();
  auto& content = images_->content();
  const auto index = oci::Index::parse(*content::read_blob(content, result->target.digest));
  const std::string text = *content::read_blob(content, index->manifests.at(1).digest);
  const auto manifest = oci::Manifest::parse(text);
  ASSERT_TRUE(manifest);
  EXPECT_FALSE(manifest->subject);
  EXPECT_EQ(text.find("artifactType"), std::string::npos);
  EXPECT_EQ(manifest->config.media_type, oci::kMediaTypeConfig);
  const auto config = json::parse(*content::read_blob(content, manifest->config.digest));
  EXPECT_EQ(json::Value(config->object("rootfs")).strings("diff_ids"),
            std::vector<std::string>{manifest->layers.at(0).digest.str()});
}

TEST_F(ExportTest, WhatClientsAskForOfTheirOwnAccordIsForOutputsThatSaySo) {
  BuildRequest asked = wanted(OutputType::kOci, {{"attestation-inline", "true"}});
  asked.attestations = {.inline_provenance = true};
  const auto forced = build(asked);
  ASSERT_TRUE(forced) << forced.error().message();
  EXPECT_EQ(forced->target.media_type, oci::kMediaTypeIndex);
  for (const char* no : {"false", ""}) {
    asked.outputs[0].attributes.erase("attestation-inline");
    if (*no != '\0') asked.outputs[0].attributes["attestation-inline"] = no;
    const auto plain = build(asked);
    ASSERT_TRUE(plain) << plain.error().message();
    EXPECT_EQ(plain->target.media_type, oci::kMediaTypeManifest);
  }
  asked.outputs[0] = {.type = OutputType::kTar, .file = &file_};
  file_.take();
  ASSERT_TRUE(build(asked));
  EXPECT_FALSE(read_tar(file_.text()).files.contains("provenance.json"));
  EXPECT_EQ(error_of(wanted(OutputType::kTar, {{"attestation-inline", "true"}})),
            "output type=tar: attestation-inline=true: this type has no such attribute");
}

TEST_F(ExportTest, AttestationsStandBesideTheFiles) {
  BuildRequest several = wanted(OutputType::kTar, {{"attestation-prefix", "about-"}});
  several.platforms = {*oci::Platform::parse("linux/amd64"), *oci::Platform::parse("linux/arm/v7")};
  several.attestations = {.provenance = true, .sbom = true};
  ASSERT_TRUE(build(several));
  const TarContent content = read_tar(file_.text());
  EXPECT_EQ(content.files.at("linux_amd64/b"), "text of a\n");
  const auto statement = json::parse(content.files.at("linux_arm_v7/about-provenance.json"));
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->string("predicateType"), "https://slsa.dev/provenance/v1");
  ASSERT_EQ(statement->array("subject").size(), 2U);
  EXPECT_EQ(statement->array("subject")[1].dump(),
            cat(R"({"name":"d/a","digest":{"sha256":")", sha256_hex("text of a\n"), "\"}}"));
  EXPECT_NE(statement->dump().find("linux/arm/v7"), std::string::npos);
  EXPECT_TRUE(content.files.contains("linux_amd64/about-sbom.spdx.json"));
  EXPECT_EQ(error_of(wanted(OutputType::kTar, {{"attestation-prefix", "a/b"}})),
            "output type=tar: attestation-prefix=a/b: it is the beginning of a file's name");
}

TEST_F(ExportTest, AttestationsThatShareADirectoryAreNamedByPlatform) {
  BuildRequest several =
      wanted(OutputType::kTar, {{"platform-split", "false"}, {"attestation-prefix", "about-"}});
  several.platforms = {*oci::Platform::parse("linux/amd64"), *oci::Platform::parse("linux/arm/v7")};
  several.dockerfile_text = "FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH\n";
  several.attestations = {.provenance = true, .sbom = true};
  ASSERT_TRUE(build(several));
  std::vector<std::string> names;
  for (const auto& [name, text] : read_tar(file_.text()).files) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"about-provenance.linux_amd64.json",
                                             "about-provenance.linux_arm_v7.json",
                                             "about-sbom.spdx.linux_amd64.json",
                                             "about-sbom.spdx.linux_arm_v7.json", "amd64", "arm"}));
}

TEST_F(ExportTest, AFileThatAnAttestationReplacesIsNoneOfItsSubjects) {
  BuildRequest named = wanted(OutputType::kTar);
  named.dockerfile_text =
      "FROM scratch\nCOPY a /provenance.json\nCOPY a /sbom.spdx.json\nCOPY a /d/\n";
  named.attestations = {.provenance = true};
  ASSERT_TRUE(build(named));
  const TarContent content = read_tar(file_.text());
  EXPECT_EQ(content.files.at("sbom.spdx.json"), "text of a\n");
  std::vector<std::string> names;
  const auto statement = json::parse(content.files.at("provenance.json"));
  ASSERT_TRUE(statement);
  for (const json::Value& one : statement->array("subject")) names.push_back(one.string("name"));
  EXPECT_EQ(names, (std::vector<std::string>{"d/a", "sbom.spdx.json"}));
}

TEST_F(ExportTest, ProvenanceMayBeInTheWordsOfSlsa02) {
  BuildRequest old = wanted(OutputType::kTar);
  old.build_args["WORD"] = "spoken";
  old.attestations = {.provenance = true, .provenance_v02 = true, .provenance_args = true};
  ASSERT_TRUE(build(old));
  const auto statement = json::parse(read_tar(file_.text()).files.at("provenance.json"));
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->string("predicateType"), "https://slsa.dev/provenance/v0.2");
  const json::Value predicate(statement->object("predicate"));
  const json::Value invocation(predicate.object("invocation"));
  EXPECT_EQ(json::Value(invocation.object("configSource")).string("entryPoint"), "Dockerfile");
  EXPECT_EQ(json::Value(invocation.object("environment")).string("platform"),
            oci::Platform::host().normalized().str());
  EXPECT_NE(predicate.dump().find(R"("build-arg:WORD":"spoken")"), std::string::npos);
  EXPECT_TRUE(json::Value(predicate.object("metadata")).has("buildStartedOn"));
}

}  // namespace
}  // namespace skiff::builder
