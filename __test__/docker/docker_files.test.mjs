import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

// What the README tells users to create; the line endings and the spaces on otherwise empty lines are part of it.
const DOCKER_COMPOSE = `version: '3.8'
 
services:
  mongo:
    build:
      context: .
      dockerfile: Dockerfile
    container_name: mongo-server
    restart: always
    environment:
      MONGO_INITDB_ROOT_USERNAME: root
      MONGO_INITDB_ROOT_PASSWORD: docker
    ports:
      - "0.0.0.0:27017:27017"
    expose:
      - 27017
    command: --replSet rs0 --keyFile /etc/mongo-keyfile --bind_ip_all --port 27017 --auth
    healthcheck:
      test: echo "try { rs.status() } catch (err) { rs.initiate({_id:'rs0',members:[{_id:0,host:'127.0.0.1:27017'}]}) }" | mongosh --port 27017 -u root -p docker --authenticationDatabase admin
      interval: 5s
      timeout: 15s
      start_period: 15s
      retries: 10
    volumes:
      - "./data:/data/db"
      - "./data/config:/etc/mongod.conf"
    networks:
      - mongo-net
  
networks:
  mongo-net:
    driver: bridge
`

const DOCKERFILE = `FROM mongo
RUN openssl rand -base64 756 > /etc/mongo-keyfile 
RUN chmod 400 /etc/mongo-keyfile 
RUN chown mongodb:mongodb /etc/mongo-keyfile 
`

const projectFile = (name) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8')

describe('Docker files', () => {
  it("docker-compose.yml is the document's", async () => {
    assert.equal(await projectFile('docker-compose.yml'), DOCKER_COMPOSE)
  })

  it("Dockerfile is the document's", async () => {
    assert.equal(await projectFile('Dockerfile'), DOCKERFILE)
  })
})
